// What Linux says about processes: their CPU time and their memory.
import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";

const TICKS_PER_SECOND = 100;
// Where /proc/PID/stat has them, counted after the name: the parent, user and system time, and that of ended children.
const PARENT = 1;
const OWN_TIMES = [11, 12];
const ENDED_TIMES = [13, 14];

export async function childNamed(parent, name) {
  for (const pid of await childrenOf(parent)) if ((await read(pid, "cmdline")).includes(name)) return pid;
}

/** Seconds of CPU that a process has used. */
export async function cpuSeconds(pid) {
  return seconds(await stat(pid), OWN_TIMES);
}

/** The same for a server and the processes it has started, also those that ended. */
export async function cpuSecondsOfTree(pid) {
  const own = seconds(await stat(pid), [...OWN_TIMES, ...ENDED_TIMES]);
  const children = await Promise.all((await childrenOf(pid)).map(cpuSeconds));
  return children.reduce((sum, each) => sum + each, own);
}

/** Peak and present resident memory. */
export async function memoryMib(pid) {
  const status = await read(pid, "status");
  const mib = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  return { peak: mib("VmHWM"), resident: mib("VmRSS") };
}

/** Memory of a server and its processes, what they share counted once. */
export async function memoryMibOfTree(pid) {
  const parts = await Promise.all(
    [pid, ...(await childrenOf(pid))].map(async (each) =>
      Number(/^Pss:\s+(\d+) kB/m.exec(await read(each, "smaps_rollup"))?.[1] ?? 0),
    ),
  );
  return Math.round(parts.reduce((sum, kb) => sum + kb, 0) / 1_024);
}

/** Lets a process with all its threads, and whatever it starts later, run on these cores only. */
export function pin(pid, cores) {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, String(pid)], { stdio: "ignore" });
}

async function childrenOf(parent) {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(pids.map(async (pid) => Number((await stat(pid))[PARENT])));
  return pids.filter((_, index) => parents[index] === parent);
}

function seconds(fields, indexes) {
  return indexes.reduce((sum, index) => sum + Number(fields[index] ?? 0), 0) / TICKS_PER_SECOND;
}

async function stat(pid) {
  const text = await read(pid, "stat");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Empty when the process is gone. */
function read(pid, file) {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}
