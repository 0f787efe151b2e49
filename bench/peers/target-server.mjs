// What the bench of connections measures: a TCP server that only accepts, and an HTTP server that answers every request
// alike and closes. On libc sockets, because all that the server costs is taken from both sides and hides their ratio;
// libuv's accept and streams cost more than a probe. Sends the ports to its parent. Linux only.
import koffi from "koffi";

const libc = koffi.load(null);
const socket = libc.func("int socket(int, int, int)");
const bind = libc.func("int bind(int, uint8_t *, uint32_t)");
const listen = libc.func("int listen(int, int)");
const getsockname = libc.func("int getsockname(int, uint8_t *, uint32_t *)");
const accept4 = libc.func("int accept4(int, intptr_t, intptr_t, int)");
const recv = libc.func("long recv(int, intptr_t, size_t, int)");
const send = libc.func("long send(int, intptr_t, size_t, int)");
const close = libc.func("int close(int)");
const epollCreate = libc.func("int epoll_create1(int)");
const epollControl = libc.func("int epoll_ctl(int, int, int, intptr_t)");
const epollWait = libc.func("int epoll_wait(int, intptr_t, int, int)");

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const BACKLOG = 4_096;
const EVENTS = 64;
// struct epoll_event is packed on x64 alone.
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_AT = process.arch === "x64" ? 4 : 8;
const RECEIVED_BYTES = 4_096;

const body = "ok\n";
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
);
const memory = new ArrayBuffer((EVENTS + 1) * EVENT_BYTES + RECEIVED_BYTES + answer.length);
const view = new DataView(memory);
const eventsAt = Number(koffi.address(memory));
const watchAt = eventsAt + EVENTS * EVENT_BYTES;
const receivedAt = watchAt + EVENT_BYTES;
const answerAt = receivedAt + RECEIVED_BYTES;
new Uint8Array(memory).set(answer, answerAt - eventsAt);

const epoll = epollCreate(0);
const tcp = listener();
const http = listener();
process.send({ tcp: tcp.port, http: http.port }, () => {
  for (;;) {
    const count = epollWait(epoll, eventsAt, EVENTS, -1);
    for (let index = 0; index < count; index++) react(view.getUint32(index * EVENT_BYTES + DATA_AT, true));
  }
});

function react(fd) {
  if (fd === tcp.fd || fd === http.fd) {
    for (let peer = accepted(fd); peer >= 0; peer = accepted(fd)) watch(peer);
    return;
  }
  // A probe of tcp sends nothing and goes: what is read then is its end.
  if (recv(fd, receivedAt, RECEIVED_BYTES, 0) > 0) send(fd, answerAt, answer.length, MSG_NOSIGNAL);
  close(fd);
}

function accepted(fd) {
  return accept4(fd, 0, 0, SOCK_NONBLOCK);
}

function watch(fd) {
  view.setUint32(EVENTS * EVENT_BYTES, EPOLLIN, true);
  view.setUint32(EVENTS * EVENT_BYTES + DATA_AT, fd, true);
  epollControl(epoll, EPOLL_CTL_ADD, fd, watchAt);
}

/** Listens on every address, on a port that the system chooses. */
function listener() {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const address = new Uint8Array(16);
  address[0] = AF_INET;
  if (bind(fd, address, address.length) !== 0 || listen(fd, BACKLOG) !== 0) throw new Error("cannot listen");
  getsockname(fd, address, new Uint32Array([address.length]));
  watch(fd);
  return { fd, port: address[2] * 256 + address[3] };
}
