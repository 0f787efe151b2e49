// What tests build their world with: a database of their own, the built program, a client of its API, and waiting for
// conditions. `await using` ends each of them with the test.
export { type Answer, apiClient, type ApiClient } from "./api-client.js";
export { createDatabase, execute, type TestDatabase } from "./database.js";
export { eventually } from "./eventually.js";
export { type RunningNightbell, runNightbell, startNightbell } from "./program.js";
export { createFolder } from "./run-folder.js";
