/** What ssh itself said when it ended with 255, as a sentence for an operator. Pure. */

/** Whose matter it is: the host's (or its way), or that of the ssh client on this machine. */
export type SshFault = 'host' | 'client';

export interface SshComplaint {
  readonly fault: SshFault;
  /** what is so, to follow the name of the host, and what to do */
  readonly sentence: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly fault?: SshFault;
  readonly sentence: string;
}

const WAY = 'Check its address, its port, the network between, and that sshd runs there';

/** The first that fits speaks: what is said early may lead to what is said later (a key that is ignored, then "Permission denied"). */
const RULES: readonly Rule[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    sentence: 'SHOWS ANOTHER HOST KEY THAN THE ONE THAT IS KNOWN. Nothing was sent to it. Somebody may stand between, or the host was installed anew: compare the fingerprint on its console, and only if it is the same replace its line in known_hosts.',
  },
  { pattern: /REVOKED HOST KEY|[Hh]ost key .*revoked/, sentence: 'shows a host key that is revoked. Nothing was sent to it. Give the host a new key, and its new line in known_hosts.' },
  {
    pattern: /No .* host key is known for|Host key verification failed|Certificate invalid/,
    sentence: 'shows a host key that nobody has vouched for. Nothing was sent to it. Compare its fingerprint on its console, then add it to known_hosts, or sign it by a @cert-authority that stands there.',
  },
  { pattern: /UNPROTECTED PRIVATE KEY FILE|bad permissions/, fault: 'client', sentence: 'is not asked, because others may read the private key: chmod 600 it.' },
  { pattern: /Bad owner or permissions|[Bb]ad configuration option|terminating, \d+ bad configuration|Can't open user config file|extra arguments at end of line/, fault: 'client', sentence: 'is not asked, because the ssh configuration of this machine is wrong. Mend it; `ssh -G HOST` reads it, too.' },
  { pattern: /unix_listener|ControlPath too long|too long for Unix domain socket|Control socket .* (?:bad|mkdir)/, fault: 'client', sentence: 'is not asked, because the shared connection has no place on this machine. Make room and rights in its folder for temporary files.' },
  { pattern: /no matching (?:host key type|key exchange method|cipher|MAC)/i, sentence: 'and this machine share no algorithm. Bring the older of the two up to date, or allow one in ssh_config.' },
  { pattern: /administratively prohibited|stdio forwarding/i, sentence: 'is not reached from its jump host. Check that sshd of the host answers there, and that the jump host allows TCP forwarding.' },
  { pattern: /Too many authentication failures/, sentence: 'was offered too many keys. Name the right one with executor.identityFile, or as IdentityFile with IdentitiesOnly in ssh_config.' },
  { pattern: /Permission denied/, sentence: 'refused the login. Check the user, the key or certificate (has it expired?), and what the host accepts: authorized_keys, TrustedUserCAKeys.' },
  { pattern: /Could not resolve hostname/, sentence: 'has an address that no name server knows. Correct the address of the host, of its jump host, or the name service.' },
  { pattern: /Connection refused/, sentence: `refused the connection. ${WAY}.` },
  { pattern: /timed out|Timeout, server/i, sentence: `did not answer in time. ${WAY}.` },
  { pattern: /No route to host|Network is unreachable/, sentence: `is not to be reached by any route. ${WAY}.` },
  // Where a shared connection breaks, ssh ends without a word.
  { pattern: /^\s*$|Connection (?:reset|closed)|Connection to .* closed|Broken pipe|kex_exchange_identification|banner exchange|read from master failed|client_loop|disconnect/i, sentence: 'lost the connection in between. The same step may be sent again; if it happens often, look at its sshd (MaxStartups, MaxSessions) and the network.' },
];

/**
 * Reads standard error of an ssh that ended with 255. The host's fault unless it is known to be the client's. The sentence ends with
 * ssh's own last lines, so that nothing is hidden by our reading.
 */
export function readComplaint(text: string): SshComplaint {
  const rule = RULES.find(({ pattern }) => pattern.test(text));
  return { fault: rule?.fault ?? 'host', sentence: `${rule?.sentence ?? 'was not reached.'}${quoted(text)}` };
}

/** Lines of a frame of @ carry nothing. */
function quoted(text: string): string {
  const lines = text.split('\n').map((one) => one.trim()).filter((one) => one !== '' && !/^@+$/.test(one) && !/^@ .* @$/.test(one));
  return lines.length === 0 ? ' ssh said nothing.' : ` ssh said: ${lines.join(' · ').slice(-800)}`;
}
