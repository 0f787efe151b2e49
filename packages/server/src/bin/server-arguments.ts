// Which server a command talks to, and as whom: by its options, else by the environment.
export interface ServerArguments {
  readonly url?: string;
  readonly token?: string;
}

const DEFAULT_URL = "http://127.0.0.1:3000";

/** Throws when the address is none. */
export function serverOf(
  { url, token }: ServerArguments,
  environment: NodeJS.ProcessEnv,
): { url: string; token: string | undefined } {
  const address = url ?? (environment["NIGHTBELL_URL"] || DEFAULT_URL);
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw new Error(`${address} is not the address of a server, such as https://nightbell.example.org`);
  }
  return { url: address, token: token ?? (environment["NIGHTBELL_TOKEN"] || undefined) };
}
