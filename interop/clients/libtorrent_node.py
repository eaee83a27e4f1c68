#!/usr/bin/env python3
"""libtorrent's DHT, driven by lines on standard input (see clients.go).

libtorrent_node.py IP: no bootstrap nodes of its own, no other network service, and
addresses that are not global allowed, for all of this stays on one machine."""
import hashlib
import sys
import time

import libtorrent as lt

PATIENCE = 15  # seconds for one command

session = lt.session({
    "listen_interfaces": sys.argv[1] + ":0",
    "enable_dht": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "dht_bootstrap_nodes": "",
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_enforce_node_id": False,
    "dht_ignore_dark_internet": False,
    "dht_block_ratelimit": 100000,
    "dht_upload_rate_limit": 100000000,  # the default of 8000 bytes a second loses the last steps
    "alert_mask": 0x7fffffff,
})


class Refused(Exception):
    pass


def await_alert(kind, fits):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            if isinstance(alert, kind) and fits(alert):
                return alert
    raise Refused("no " + kind.__name__ + " in time")


def sha1(text):
    return lt.sha1_hash(bytes.fromhex(text))


def listening():
    deadline = time.monotonic() + PATIENCE
    while session.listen_port() == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    return "%s:%d" % (sys.argv[1], session.listen_port())


def known():
    """How many nodes are in the routing table."""
    session.post_dht_stats()
    alert = await_alert(lt.dht_stats_alert, lambda a: True)
    return sum(bucket["num_nodes"] for bucket in alert.routing_table)


def boot(address):
    host, port = address.rsplit(":", 1)
    session.add_dht_node((host, int(port)))
    deadline = time.monotonic() + PATIENCE
    while known() == 0:
        if time.monotonic() > deadline:
            raise Refused("the table is empty")
        session.add_dht_node((host, int(port)))
        time.sleep(0.1)


def announce(infohash, port):
    """The binding's own dht_announce cannot be called, so this is a torrent that
    knows no tracker, on the port of the session."""
    torrent = lt.parse_magnet_uri("magnet:?xt=urn:btih:" + infohash)
    torrent.save_path = "/nonexistent"
    session.add_torrent(torrent).force_dht_announce()
    return "%s:%d" % (sys.argv[1], session.listen_port())


def peers(infohash):
    session.dht_get_peers(sha1(infohash))
    alert = await_alert(lt.dht_get_peers_reply_alert, lambda a: str(a.info_hash) == infohash)
    found = alert.peers() if callable(alert.peers) else alert.peers
    return " ".join("%s:%d" % tuple(p) for p in found)


def put(value):
    target = session.dht_put_immutable_item(bytes.fromhex(value))
    await_alert(lt.dht_put_alert, lambda a: str(a.target) == str(target))
    return str(target)


def get(target):
    session.dht_get_immutable_item(sha1(target))
    alert = await_alert(lt.dht_immutable_item_alert, lambda a: str(a.target) == target)
    try:
        return value_of(alert.item)
    except RuntimeError:  # an entry that is nothing
        return ""


def value_of(item):
    while isinstance(item, dict) and "value" in item:
        item = item["value"]
    return item.hex() if isinstance(item, bytes) else ""


def expanded(seed):
    """The scalar and the prefix that libtorrent calls the private key."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 63 | 64
    return bytes(digest)


def putm(seed, public, salt, seq, value):
    """libtorrent counts the versions itself; seq is what it should come to."""
    key, salt = bytes.fromhex(public), bytes.fromhex(salt.replace("-", ""))
    session.dht_put_mutable_item(expanded(bytes.fromhex(seed)), key, bytes.fromhex(value), salt)
    alert = await_alert(lt.dht_put_alert, lambda a: a.public_key == key)
    if alert.seq != int(seq):
        raise Refused("put as version %d" % alert.seq)
    return hashlib.sha1(key + salt).hexdigest()


def getm(public, salt, target):
    key, salt = bytes.fromhex(public), bytes.fromhex(salt.replace("-", ""))
    session.dht_get_mutable_item(key, salt)
    alert = await_alert(lt.dht_mutable_item_alert, lambda a: a.key == key and a.authoritative)
    return "%d %s" % (alert.seq, value_of(alert.item))


commands = {f.__name__: f for f in (boot, announce, peers, put, get, putm, getm)}
print("ready", listening(), flush=True)
for line in sys.stdin:
    words = line.split()
    try:
        print("ok", commands[words[0]](*words[1:]) or "", flush=True)
    except Refused as refused:
        print("no", refused, flush=True)
    except Exception as fault:  # of this script, or of the binding
        print("no", repr(fault).replace("\n", " "), flush=True)
