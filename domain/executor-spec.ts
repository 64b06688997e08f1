/** How hosts are reached: what a host document says of it, one member for each driver. */

/** How a host is reached. `root` is the folder on the host in which Signalbox keeps releases, journal and logs. */
export type ExecutorSpec = LocalExecutorSpec | SshExecutorSpec | AgentExecutorSpec;

/** The host is the worker's own machine. */
export interface LocalExecutorSpec {
  readonly driver: 'local';
  readonly root: string;
}

/** The host's `address` is given to the worker's OpenSSH client; what is null here is as its ssh_config says. Files are the worker's. */
export interface SshExecutorSpec {
  readonly driver: 'ssh';
  readonly root: string;
  readonly user: string | null;
  readonly port: number | null;
  /** private key; with one, no other key is offered */
  readonly identityFile: string | null;
  readonly certificateFile: string | null;
  /** an ssh_config in place of the account's and the machine's */
  readonly configFile: string | null;
  /** in place of the account's known_hosts */
  readonly knownHostsFile: string | null;
  /** hosts on the way, `[user@]host[:port]`, the nearest first; empty: as ssh_config says */
  readonly jump: readonly string[];
}

/** The host asks for its work: its agent polls the API and was started with the same `root`. */
export interface AgentExecutorSpec {
  readonly driver: 'agent';
  readonly root: string;
}
