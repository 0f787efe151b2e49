// A TCP server that accepts and closes, at the address of its first argument; prints its port, ends with its input.
import { createServer } from "node:net";

const server = createServer((socket) => socket.on("error", () => {}).end());
server.listen(0, process.argv[2], () => console.log(server.address().port));
process.stdin.resume().once("end", () => process.exit());
