// Plain connections, and HTTP/1.1 over them, on libc sockets in a thread of their own (M5).
export { SocketEngine } from "./engine.js";
export type { Ended, PlainRequest, Progress } from "./thread.js";
