// Which address of this server a poller on another machine is told.

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;
const PLACEHOLDER = "https://nightbell.example.org";

interface Address {
  /** Where the page was loaded from; of a loopback address, which means another machine elsewhere, a placeholder. */
  readonly address: string;
  readonly isLoopback: boolean;
  /** The page came over the network without TLS, which pollers refuse. */
  readonly isReadable: boolean;
}

export function addressFor({
  origin,
  protocol,
  hostname,
}: Pick<Location, "origin" | "protocol" | "hostname">): Address {
  const isLoopback = LOOPBACK.test(hostname);
  return {
    address: isLoopback ? PLACEHOLDER : origin,
    isLoopback,
    isReadable: !isLoopback && protocol !== "https:",
  };
}
