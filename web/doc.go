// Package web is the gateway: one Node's API over HTTP, as docs and clients in
// any language know it: JSON, server-sent events for what comes bit by bit,
// errors that a program can branch on. openapi.yaml in this folder is the whole
// of it, and package web/api has its words.
//
//	hub := web.NewHub()
//	node, err := khashmir.Open(khashmir.Config{Observer: hub.Observer()})
//	gateway := web.New(node, web.Config{Hub: hub})
//	listener, err := net.Listen("tcp", "127.0.0.1:7070")
//	err = gateway.Serve(listener) // until gateway.Close
//
// A Gateway is an http.Handler: over TCP (loopback, or with a token), over a Unix
// socket, or in process (web/client has a client for each). It owns the streams
// to its clients and nothing of the node, which it does not close.
//
// Who may come. There is no CORS, and no page but the gateway's own can ask it
// anything: a request that another site's page has made is refused, be it only a
// GET, and so is one under a name that is not the gateway's (DNS rebinding). A
// gateway does not serve at an address that others reach unless it has a token.
//
// Nothing that a client does, or does not do, grows without bound or keeps the
// node waiting: see the constants in package kad.
//
// To read on: gateway.go is a request's way, guard.go who may come, value.go and
// find.go what most come for, stream.go and hub.go the streams, health.go what
// is degraded.
package web
