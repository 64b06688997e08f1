/** Sentences of ssh that a test cannot bring about everywhere, as OpenSSH 9.2 writes them. The others: ssh.test.ts. */
import { expect, test } from 'vitest';
import { readComplaint } from '../../../drivers/executors/ssh/complaint.ts';

test.each([
  ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 'host', /did not answer in time/],
  ['Connection timed out during banner exchange', 'host', /did not answer in time/],
  ['ssh: connect to host 10.0.0.1 port 22: No route to host', 'host', /by any route/],
  ['ssh: connect to host 10.0.0.1 port 22: Network is unreachable', 'host', /by any route/],
  ['ssh: Could not resolve hostname web-01: Name or service not known', 'host', /no name server knows/],
  ['Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa', 'host', /share no algorithm/],
  ['Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures', 'host', /too many keys/],
  ['@ WARNING: REVOKED HOST KEY DETECTED! @\nHost key web-01 was revoked and you have requested strict checking.\nHost key verification failed.', 'host', /a host key that is revoked/],
  ['Bad owner or permissions on /root/.ssh/config', 'client', /configuration of this machine/],
  ['unix_listener: path "/x" too long for Unix domain socket', 'client', /no place on this machine/],
  ['', 'host', /lost the connection in between.* ssh said nothing/],
  ['something nobody has seen yet', 'host', /was not reached\. ssh said: something nobody has seen yet/],
] as const)('%j is the fault of the %s', (text, fault, sentence) => {
  expect(readComplaint(text)).toEqual({ fault, sentence: expect.stringMatching(sentence) });
});

test('what comes first decides: a changed key is never told as an unknown one, an open key never as a refused login', () => {
  const changed = '@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@@\nThe fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\nOffending ED25519 key in /k/known_hosts:3\nHost key verification failed.';
  expect(readComplaint(changed).sentence).toMatch(/^SHOWS ANOTHER HOST KEY .* ssh said: The fingerprint .*SHA256:abc\..*known_hosts:3/);
  expect(readComplaint("Permissions 0644 for '/k/id' are too open.\nLoad key \"/k/id\": bad permissions\nroot@10.0.0.1: Permission denied (publickey).")).toMatchObject({ fault: 'client' });
});
