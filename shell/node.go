package shell

import (
	"context"

	"github.com/khashmir/kad/web/api"
)

// Node is what the shell is opened on; a *client.Client of package web/client is
// one. Keys and IDs are 40 hexadecimal digits. What is known comes beside an error
// too. That there is no value is none.
type Node interface {
	Status(ctx context.Context) (api.Status, error)
	Table(ctx context.Context) (api.Table, error)
	Put(ctx context.Context, key string, value []byte, options api.PutOptions) (api.Result, error)
	Get(ctx context.Context, key string, options api.GetOptions) (api.Found, error)
	Remove(ctx context.Context, key string, value []byte) (api.Result, error)
	FindNode(ctx context.Context, id string, trace func(api.Step)) (api.Lookup, error)
	Ping(ctx context.Context, to string) (api.Pong, error)
}
