// The live stream: what other features publish, to whoever watches.
export { streamRoutes } from "./routes.js";
