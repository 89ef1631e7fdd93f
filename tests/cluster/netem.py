#!/usr/bin/env python3
"""A small network-fault injector: what `tc netem` would do, where the kernel lacks it.

  netem.py tcp CONTROL LISTEN_PORT TARGET_PORT [setting=value ...]
      A TCP relay 127.0.0.1:LISTEN_PORT -> 127.0.0.1:TARGET_PORT.  Needs no privilege.
      It can delay, throttle, stall, reset and refuse; it cannot lose packets.

  netem.py tun CONTROL NETNS [setting=value ...]
      A point-to-point IP link 10.77.0.1 (this network namespace) <-> 10.77.0.2
      (inside the existing network namespace NETNS), made of two TUN devices with this
      process between them.  Needs root (CAP_NET_ADMIN) and /dev/net/tun.
      Real packets are delayed, lost and throttled, so real TCP reacts to it.
      NETEM_NET=10.78.0 in the environment chooses another network (two links at once).

  netem.py ctl CONTROL COMMAND ...
      Sends one command to a running relay or link and prints its answer.

CONTROL is the path of a unix socket.  It appears once everything is in place, and the
process also says "ready" on its standard output.

settings (each direction gets the same):
  delay=S    seconds added one way (a round trip gains twice this)
  jitter=S   up to this much more, uniformly at random, never reordering
  loss=P     probability 0..1 that a packet is dropped            (tun only)
  rate=B     bytes a second; 0 is unlimited
  queue=S    tun: longest time a packet waits for `rate` before being dropped (0.2)

commands:
  set k=v ...  change settings          stat    settings and counters
  cut          nothing passes; nobody is told (what a dead link looks like)
  heal         undo cut
  reset        tcp only: every present connection gets an RST
  refuse       tcp only: stop listening (new connections: "connection refused")
  listen       tcp only: undo refuse
  quit         end the process
"""

import asyncio
import collections
import ctypes
import fcntl
import os
import random
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path


class Link:
    """The settings, and when a piece of data handed in now may come out again."""

    def __init__(self, **settings):
        self.delay = self.jitter = self.loss = self.rate = 0.0
        self.queue = 0.2
        self.up = asyncio.Event()
        self.up.set()
        self.passed = collections.Counter()
        self.dropped = collections.Counter()
        self._free = {}  # direction -> when the wire is next idle
        self._last = {}  # direction -> delivery time of the previous piece
        self.set(**settings)

    def set(self, **settings):
        for key, value in settings.items():
            if key not in ("delay", "jitter", "loss", "rate", "queue"):
                raise ValueError(f"no such setting: {key}")
            setattr(self, key, float(value))

    def loses(self):
        return self.loss > 0 and random.random() < self.loss

    def due(self, direction, size):
        """The loop time at which `size` bytes entering now come out."""
        now = asyncio.get_running_loop().time()
        start = now
        if self.rate:
            start = max(now, self._free.get(direction, now))
            self._free[direction] = start + size / self.rate
            start = self._free[direction]
        out = (
            start + self.delay + (random.uniform(0, self.jitter) if self.jitter else 0)
        )
        out = max(out, self._last.get(direction, 0))
        self._last[direction] = out
        return out

    def backlog(self, direction):
        """Seconds the wire is already busy with earlier data."""
        now = asyncio.get_running_loop().time()
        return max(0.0, self._free.get(direction, now) - now) if self.rate else 0.0

    def stat(self):
        return (
            f"up={self.up.is_set()} delay={self.delay} jitter={self.jitter} "
            f"loss={self.loss} rate={self.rate} passed={dict(self.passed)} "
            f"dropped={dict(self.dropped)}"
        )


class TcpRelay:
    """A relay: TcpRelay(22022), `port = await start()`, `link.set(delay=0.05)`."""

    def __init__(self, target_port, listen_port=0, target="127.0.0.1", **settings):
        self.link = Link(**settings)
        self.target, self.target_port, self.port = target, target_port, listen_port
        self._server = None
        self._writers = set()
        self._tasks = set()

    async def start(self):
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, limit=1 << 16
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        far_writer = None
        try:
            await self.link.up.wait()
            far_reader, far_writer = await asyncio.open_connection(
                self.target, self.target_port, limit=1 << 16
            )
            self._writers.add(far_writer)
            await asyncio.gather(
                self._pump(reader, far_writer, "out"),
                self._pump(far_reader, writer, "in"),
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, far_writer):
                if end is not None:
                    self._writers.discard(end)
                    end.close()
            self._tasks.discard(task)

    async def _pump(self, reader, writer, direction):
        """Read and, `due` later, write; reading goes on, so a long thin pipe fills."""
        loop = asyncio.get_running_loop()
        waiting = asyncio.Queue(maxsize=256)

        async def deliver():
            while True:
                when, data = await waiting.get()
                await asyncio.sleep(max(0, when - loop.time()))
                await self.link.up.wait()
                if data is None:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(data)
                self.link.passed[direction] += len(data)
                await writer.drain()

        task = asyncio.create_task(deliver())
        try:
            while True:
                try:
                    data = await reader.read(1 << 16)
                except ConnectionError:
                    data = b""
                await self.link.up.wait()
                await waiting.put((self.link.due(direction, len(data)), data or None))
                if not data:
                    break
            await task
        finally:
            task.cancel()

    def reset(self):
        """Every present connection dies with an RST, as behind a rebooted firewall."""
        for writer in list(self._writers):
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:  # else it is gone already
                sock.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            writer.transport.abort()

    async def refuse(self):
        if self._server:
            self._server.close()
            self._server = None

    async def stop(self):
        await self.refuse()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class TunLink:
    """A point-to-point link between this network namespace and another."""

    TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
    MTU = 1400

    def __init__(self, netns, network="10.77.0", **settings):
        self.netns, self.network, self.link = netns, network, Link(**settings)
        tag = network.split(".")[1] + network.split(".")[2]
        self.names = (f"tce{tag}a", f"tce{tag}b")
        self.fds = ()

    def _open(self, name):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(
            fd,
            self.TUNSETIFF,
            struct.pack("16sH22x", name.encode(), self.IFF_TUN | self.IFF_NO_PI),
        )
        return fd

    def start(self):
        libc = ctypes.CDLL(None, use_errno=True)

        def setns(fd):
            if libc.setns(fd, self.CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

        near = self._open(self.names[0])
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.netns}", os.O_RDONLY)
        setns(there)  # a TUN device belongs to the namespace it was opened in
        try:
            far = self._open(self.names[1])
        finally:
            setns(here)
            os.close(here)
            os.close(there)
        self.fds = (near, far)
        for prefix, name, own, peer in (
            ([], self.names[0], 1, 2),
            (["-n", self.netns], self.names[1], 2, 1),
        ):
            ip = ["ip", *prefix]
            subprocess.run(
                [
                    *ip,
                    "addr",
                    "add",
                    f"{self.network}.{own}",
                    "peer",
                    f"{self.network}.{peer}",
                    "dev",
                    name,
                ],
                check=True,
            )
            subprocess.run(
                [*ip, "link", "set", name, "mtu", str(self.MTU), "up"], check=True
            )
        loop = asyncio.get_running_loop()
        loop.add_reader(near, self._ready, near, far, "out")
        loop.add_reader(far, self._ready, far, near, "in")

    def _ready(self, source, sink, direction):
        loop = asyncio.get_running_loop()
        for _ in range(64):
            try:
                packet = os.read(source, 65536)
            except BlockingIOError:
                return
            if (
                not self.link.up.is_set()
                or self.link.loses()
                or self.link.backlog(direction) > self.link.queue
            ):
                self.link.dropped[direction] += 1
            else:
                loop.call_at(
                    self.link.due(direction, len(packet)),
                    self._out,
                    sink,
                    packet,
                    direction,
                )

    def _out(self, sink, packet, direction):
        if not self.link.up.is_set():
            self.link.dropped[direction] += 1
            return
        try:
            os.write(sink, packet)
            self.link.passed[direction] += len(packet)
        except OSError:
            self.link.dropped[direction] += 1

    def stop(self):
        loop = asyncio.get_running_loop()
        for fd in self.fds:
            loop.remove_reader(fd)
            os.close(fd)  # closing the last fd removes the device
        self.fds = ()


def parse(words):
    return dict(word.split("=", 1) for word in words)


async def serve(control, wire):  # noqa: C901
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)

    async def command(reader, writer):
        words = (await reader.readline()).decode().split() or ["stat"]
        verb, answer = words[0], "ok"
        try:
            if verb == "set":
                wire.link.set(**parse(words[1:]))
            elif verb == "cut":
                wire.link.up.clear()
            elif verb == "heal":
                wire.link.up.set()
            elif verb == "stat":
                answer = wire.link.stat()
            elif verb == "quit":
                done.set()
            elif verb in ("reset", "refuse", "listen") and isinstance(wire, TcpRelay):
                result = {
                    "reset": wire.reset,
                    "refuse": wire.refuse,
                    "listen": wire.start,
                }[verb]()
                if asyncio.iscoroutine(result):
                    await result
            else:
                answer = f"error: no such command here: {verb}"
        except (ValueError, OSError) as error:
            answer = f"error: {error}"
        writer.write(answer.encode() + b"\n")
        await writer.drain()
        writer.close()

    result = wire.start()
    if asyncio.iscoroutine(result):
        await result
    Path(control).unlink(missing_ok=True)
    server = await asyncio.start_unix_server(command, control)
    print("ready", flush=True)
    await done.wait()
    server.close()
    Path(control).unlink()
    result = wire.stop()
    if asyncio.iscoroutine(result):
        await result


def main(argv):
    if len(argv) < 3 or argv[0] not in ("tcp", "tun", "ctl"):
        sys.exit(__doc__)
    kind, control, rest = argv[0], argv[1], argv[2:]
    if kind == "ctl":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(control)
            sock.sendall(" ".join(rest).encode() + b"\n")
            answer = sock.makefile().read().strip()
        print(answer)
        sys.exit(answer.startswith("error"))

    async def run():
        if kind == "tcp":
            wire = TcpRelay(int(rest[1]), int(rest[0]), **parse(rest[2:]))
        else:
            wire = TunLink(
                rest[0], os.environ.get("NETEM_NET", "10.77.0"), **parse(rest[1:])
            )
        await serve(control, wire)

    asyncio.run(run())


if __name__ == "__main__":
    main(sys.argv[1:])
