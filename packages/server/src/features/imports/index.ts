export { mapBlackbox } from "./blackbox.js";
export { mapGatus } from "./gatus.js";
export { mapKuma } from "./kuma.js";
export type { Mapped } from "./mapping.js";
