// What a poller says about its reference targets, in its row: by its own clock, in milliseconds since the epoch.
export interface ReferenceStats {
  readonly targets: readonly {
    readonly target: string;
    readonly isReachable: boolean;
    readonly hasAnswered: boolean;
    readonly error: string | null;
  }[];
  /** Null while it is online. */
  readonly offlineSince: number | null;
  /** The last ones of a day that are over: while they lasted, nobody may have heard of them. */
  readonly offlinePeriods: readonly OfflinePeriod[];
}

export interface OfflinePeriod {
  readonly from: number;
  readonly to: number;
}
