export { runApply } from "./apply.js";
export { type ImportKind, runImport } from "./import.js";
