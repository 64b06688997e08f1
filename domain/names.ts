/**
 * The allow-lists. Every word that can reach a balancer's socket, a path or a process passes one of these before it is stored, so
 * nothing behind them has to quote or escape. Each answers only yes or no: the caller knows what to call the field in its complaint.
 */

/** Names of applications, pools, hosts, strategies, environments and zones; `isName` also refuses `..`, which this alone lets through. */
export const NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
const SERVER_NAME = /^[A-Za-z0-9_.:][A-Za-z0-9_.:-]{0,63}$/;
const HOST_LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const LOGIN = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const PLAIN_PATH = /^(\/[A-Za-z0-9._@+-]+)+$/;
const HOP = /^(?:([^@]*)@)?(?:\[([^\]]*)\]|([^:[\]]*))(?::([1-9][0-9]{0,4}))?$/;
const OCTET = /^(0|[1-9][0-9]{0,2})$/;
const HEXTET = /^[0-9A-Fa-f]{1,4}$/;
const CONTROL = /\p{Cc}|\p{Zl}|\p{Zp}/u;

const HOST_NAME_LENGTH_MAX = 253;
const PATH_LENGTH_MAX = 1024;
const HEXTETS = 8;

/** 1 to 63 lower-case letters, digits, `.`, `_`, `-`; begins and ends with a letter or digit; no `..`. */
export function isName(text: string): boolean {
  return NAME.test(text) && !text.includes('..');
}

/** 1 to 128 letters, digits, `.`, `_`, `+`, `-`; begins with a letter or digit; no `..`. */
export function isVersion(text: string): boolean {
  return VERSION.test(text) && !text.includes('..');
}

/** A host name (RFC 1123), an IPv4 or an IPv6 literal without brackets, port or interface. Can never be read as an option. */
export function isAddress(text: string): boolean {
  return isHostName(text) || isIpv4(text) || isIpv6(text);
}

/** A server or backend of HAProxy: 1 to 64 of `A-Z a-z 0-9 _ . : -`, not beginning with `-`; no `..`. */
export function isServerName(text: string): boolean {
  return SERVER_NAME.test(text) && !text.includes('..');
}

/** An absolute path of at most 1,024 characters without `..`, control characters, line separators or broken Unicode. */
export function isSafePath(text: string): boolean {
  return text.startsWith('/') && text.length <= PATH_LENGTH_MAX && !text.includes('..') && text.isWellFormed() && !CONTROL.test(text);
}

/** An absolute path of letters, digits and `. _ @ + -` in its parts, without `..`: it may stand in a line that a shell or ssh reads. */
export function isPlainPath(text: string): boolean {
  return text.length <= PATH_LENGTH_MAX && PLAIN_PATH.test(text) && !text.includes('..');
}

/** A name to log in with: 1 to 64 letters, digits, `.`, `_`, `-`, beginning with a letter or `_`; no `..`. */
export function isLogin(text: string): boolean {
  return LOGIN.test(text) && !text.includes('..');
}

/** A host on the way to another one, as ssh writes it: `[user@]host[:port]`, an IPv6 literal in brackets. */
export function isHop(text: string): boolean {
  const parts = HOP.exec(text);
  if (parts === null) return false;
  const [, user, literal, name, port] = parts;
  return (user === undefined || isLogin(user)) && (literal === undefined ? isAddress(name ?? '') : isIpv6(literal)) && (port === undefined || Number(port) <= 65535);
}

/** A last label of digits only would be taken for an IPv4 address by resolvers, so it is none of ours. */
function isHostName(text: string): boolean {
  const labels = text.split('.');
  return text.length <= HOST_NAME_LENGTH_MAX && labels.every((label) => HOST_LABEL.test(label)) && !/^[0-9]+$/.test(labels.at(-1) ?? '');
}

/** Leading zeros are refused: some programs read them as octal. */
function isIpv4(text: string): boolean {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2) return false;
  const groups = halves.flat();
  const last = groups.at(-1);
  // An IPv4 tail stands for two groups, and only at the very end.
  const tail = last !== undefined && isIpv4(last) && halves.at(-1)?.length !== 0;
  const hextets = tail ? groups.slice(0, -1) : groups;
  const count = hextets.length + (tail ? 2 : 0);
  return hextets.every((group) => HEXTET.test(group)) && (halves.length === 2 ? count < HEXTETS : count === HEXTETS);
}
