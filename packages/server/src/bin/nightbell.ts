// The command line. Each command is loaded when it is called, so that `nightbell version` answers at once.
import { Argument, Command, CommanderError, InvalidArgumentError } from "commander";
import { version } from "../platform/version.js";
import type { ApplyArguments } from "./commands/apply.js";
import type { CheckArguments } from "./commands/check.js";
import type { ImportArguments } from "./commands/import.js";
import type { PollerArguments } from "./commands/poller.js";
import type { ImportKind } from "../features/job-files/index.js";
import type { TraceArguments } from "./commands/trace.js";
import { roleNames, type RoleName } from "./roles/role.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs the command that `argv` (as in process.argv) names and ends the process with its exit code. */
export async function main(argv: string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exit(report(error));
  }
}

function createProgram(): Command {
  const program = new Command("nightbell")
    .description("Measures whether your services answer, and how fast.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain the program or a command")
    .helpCommand("help [command]", "explain a command")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "nightbell: ")) });

  program
    .command("up")
    .summary("run everything on this machine")
    .description(
      "Runs every role on this machine, beside an embedded Postgres. Data stays in .nightbell of the working " +
        "directory; a second start goes on with it. Ctrl-C finishes what is under way and stops; a second one kills.",
    )
    .addHelpText(
      "after",
      variables(
        ["PORT", "port of the web app and the API (3000)"],
        ["HOST", "address to listen on (127.0.0.1; 0.0.0.0 for every interface)"],
        ["NIGHTBELL_DATA_DIR", "folder of the data (.nightbell)"],
        ["DATABASE_URL", "a Postgres to use instead of the embedded one"],
        ["SMTP_URL, MAIL_FROM", "the mail server and the sender of emails about completed jobs (none)"],
        ["LOG_LEVEL", "debug, info, warn, error or silent (info); debug also shows stacks"],
        ["LOG_FORMAT", "json or pretty (pretty on a terminal, else json)"],
      ),
    )
    .action(async () => {
      const { up } = await import("./commands/up.js");
      process.exit(await up(process.env));
    });

  program
    .command("serve")
    .summary("run some roles against a Postgres of yours")
    .description(
      "Runs the given roles against DATABASE_URL, which it migrates first: in one process, but for the poller, which " +
        "always is a process of its own. Roles without the api answer /health, /ready and /metrics on HEALTH_PORT.",
    )
    .requiredOption("--roles <names>", `comma-separated, of ${roleNames.join(", ")}`, parseRoles)
    .addHelpText(
      "after",
      variables(
        ["DATABASE_URL", "the Postgres (required)"],
        ["PORT, HOST", "where the api listens (3000, 127.0.0.1)"],
        ["HEALTH_PORT", "where other roles answer health checks (a free port)"],
        [
          "REPLICA_COUNT, REPLICA_ID",
          "split the jobs among pollers for good: how many, and which one this is, from 0; unset, pollers share them live",
        ],
        ["POLLER_LOCATION", "where this poller measures from (default)"],
        ["POLLER_NAME", "what people know it by (the host's name)"],
        ["SMTP_URL, MAIL_FROM, PUBLIC_URL", "how the worker sends emails, and where their links lead"],
        ["DRAIN_TIMEOUT_MS", "deadline of a clean shutdown after SIGTERM (10000)"],
      ),
    )
    .action(async ({ roles }: { roles: RoleName[] }) => {
      const { serve } = await import("./commands/serve.js");
      process.exit(await serve(roles, process.env));
    });

  program
    .command("poller")
    .summary("measure for a server elsewhere")
    .description(
      "Measures from here for a server elsewhere: it needs HTTPS to that server and a token that the page Pollers makes, " +
        "and neither a database nor anything that can be reached from outside. While the server is away it keeps what it " +
        "measures on disk. The token is better in the environment or in a file than among the arguments, which other " +
        "users of the machine can see.",
    )
    .option("--url <url>", "the server, https://… (NIGHTBELL_URL); http:// only at a loopback address")
    .option("--token <token>", "the token (NIGHTBELL_POLLER_TOKEN)")
    .option("--token-file <file>", "a file that holds it (NIGHTBELL_POLLER_TOKEN_FILE)")
    .option("--ca <file>", "certificates to trust beside the usual ones, PEM (NIGHTBELL_CA_FILE)")
    .option("--name <name>", "what people know the poller by (POLLER_NAME, else the host's name)")
    .addHelpText(
      "after",
      variables(
        ["NIGHTBELL_DATA_DIR", "folder of the spool (.nightbell)"],
        ["SPOOL_MAX_MB", "how large the spool may become; then its oldest samples leave (1024)"],
        ["HEALTH_PORT", "where it answers /health, /ready and /metrics (a free port)"],
        ["NODE_EXTRA_CA_CERTS", "certificates to trust, as every program on Node.js takes them"],
        ["DRAIN_TIMEOUT_MS", "deadline of a clean shutdown after SIGTERM (10000)"],
      ),
    )
    .action(async (options: PollerArguments) => {
      const { poller } = await import("./commands/poller.js");
      process.exit(await poller(options, process.env));
    });

  program
    .command("migrate")
    .summary("bring the database of DATABASE_URL to this version's schema")
    .description(
      "Applies the migrations that DATABASE_URL lacks, each in a transaction. Safe to run several times and from " +
        "several places at once. `up` and `serve` do the same when they start.",
    )
    .action(async () => {
      const { migrateCommand } = await import("./commands/migrate.js");
      await migrateCommand(process.env);
    });

  program
    .command("check")
    .summary("measure targets now, without a server")
    .description(
      "Measures each target and shows the results as they come, then a summary. The exit code is 0 when every " +
        "target answered every time, 1 when one did not, 2 for a target or an option that makes no sense.",
    )
    .argument(
      "<targets...>",
      "127.0.0.1, tcp://127.0.0.1:5432, https://example.org, dns://9.9.9.9/example.org …",
    )
    .option("-c, --count <n>", "measurements of each target", parsePositive, 5)
    .option("-i, --interval <seconds>", "time between two measurements of a target", parsePositive, 1)
    .option("-t, --timeout <seconds>", "how long to wait for an answer", parsePositive, 5)
    .option("--json", "print one JSON object a line instead of the table", false)
    .action(async (targets: string[], options: CheckArguments) => {
      const { check } = await import("./commands/check.js");
      process.exit(await check(targets, options));
    });

  program
    .command("trace")
    .summary("show the path to a host, hop by hop")
    .description(
      "Sends echo requests whose time to live rises hop by hop, and shows who answers, with loss and round-trip times. " +
        "The exit code is 0 when the host answered, 1 when it did not, 2 for a host or an option that makes no sense.",
    )
    .argument("<host>", "a name, or an IPv4 or IPv6 address")
    .option("-m, --max-hops <n>", "hops at most", parsePositive, 30)
    .option("-q, --tries <n>", "tries of each hop", parsePositive, 3)
    .option("-t, --timeout <seconds>", "how long to wait for an answer", parsePositive, 1)
    .option("-4, --ipv4", "only IPv4", false)
    .option("-6, --ipv6", "only IPv6", false)
    .option("--json", "print one JSON object a line instead of the table", false)
    .action(async (host: string, options: TraceArguments) => {
      const { trace } = await import("./commands/trace.js");
      process.exit(await trace(host, options));
    });

  program
    .command("apply")
    .summary("make jobs as files describe them")
    .description(
      "Compares the jobs that files describe with those of the server, says what it will create, change and delete, and " +
        "does it, all or nothing, when you agree. The exit code is 0 when the jobs are as described, 1 when they could " +
        "not be made so, 2 for files that make no sense, 3 when --dry-run found differences.",
    )
    .requiredOption("-f, --file <paths...>", "files, or folders of .yaml, .yml and .json files")
    .option("--set <name>", "the set that these files make up; other sets are left alone", "default")
    .option("--prune", "delete jobs that this set made and does not describe any more", false)
    .option("--dry-run", "only say what would be done", false)
    .option("-y, --yes", "do it without asking", false)
    .option("--url <url>", "the server (NIGHTBELL_URL, else http://127.0.0.1:3000)")
    .option(
      "--token <token>",
      "a token of the API (NIGHTBELL_TOKEN, which other users of the machine cannot see)",
    )
    .action(async (options: ApplyArguments) => {
      const { apply } = await import("./commands/apply.js");
      process.exit(await apply(options, process.env));
    });

  program
    .command("import")
    .summary("make jobs of another monitor's configuration")
    .description(
      "Reads a backup of Uptime Kuma (JSON), a configuration of Gatus or the modules of blackbox_exporter, makes jobs of " +
        "what has a counterpart here, and names everything else with the reason. Importing again changes only what differs.",
    )
    .addArgument(new Argument("<kind>", "where the file is from").choices(["kuma", "gatus", "blackbox"]))
    .argument("<file>", "the backup, or the configuration")
    .option("--targets <file>", "for blackbox: prometheus.yml, or a file of targets")
    .option("--dry-run", "only say what would be made; asks no server", false)
    .option("-o, --output <file>", "write the jobs as a file for nightbell apply instead of making them")
    .option("--url <url>", "the server (NIGHTBELL_URL, else http://127.0.0.1:3000)")
    .option(
      "--token <token>",
      "a token of the API (NIGHTBELL_TOKEN, which other users of the machine cannot see)",
    )
    .action(async (kind: ImportKind, file: string, options: ImportArguments) => {
      const { importJobs } = await import("./commands/import.js");
      process.exit(await importJobs(kind, file, options, process.env));
    });

  program
    .command("version")
    .description("Print the version of Nightbell, Node.js and the platform.")
    .action(() => {
      console.log(
        `nightbell ${version} (Node.js ${process.versions.node}, ${process.platform}-${process.arch})`,
      );
    });
  return program;
}

function variables(...rows: [name: string, meaning: string][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`);
  return `\nEnvironment variables:\n${lines.join("\n")}`;
}

function parseRoles(text: string): RoleName[] {
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  return names.map((name) => {
    const role = roleNames.find((known) => known === name);
    if (role === undefined) {
      throw new InvalidArgumentError(`There is no role "${name}"; the roles are ${roleNames.join(", ")}.`);
    }
    return role;
  });
}

function parsePositive(text: string): number {
  const number = Number(text);
  if (!(number > 0 && Number.isFinite(number)))
    throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

/** One line on stderr; the stack only when it is asked for. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE; // Commander has said it.
  process.stderr.write(`nightbell: ${sentence(error)}\n`);
  if (process.env["LOG_LEVEL"] === "debug" && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
  return EXIT_FAILURE;
}

function sentence(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return sentence(error.errors[0]);
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*\n\s*/g, "; ");
}
