#!/usr/bin/env node
/**
 * A script for `traffic: { driver: command }`, complete: it takes servers of an HAProxy out and in over its socket, which the driver `haproxy` does
 * better. For another balancer, `servers` and `tell` are what changes.
 *
 *   haproxy.mjs SOCKET BACKEND state [SERVER…]   haproxy.mjs SOCKET BACKEND drain|admit SERVER   haproxy.mjs SOCKET BACKEND weight SERVER NUMBER
 *
 * It answers one JSON object and ends with 0; `{"error": "…"}` is a refusal that an operator has to look at; any other ending means "ask again".
 */
import { connect } from 'node:net';

const DRAINED = 0x08 | 0x10;
const MAINTAINED = 0x01 | 0x02 | 0x20 | 0x40;

const [socket = '', backend = '', verb = '', ...words] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await answer())}\n`);

async function answer() {
  const [server = '', weight = ''] = words;
  if (verb === 'state') return { servers: await servers(words), balancer: await balancer() };
  if (verb === 'drain') return tell(server, 'state drain');
  if (verb === 'admit') return tell(server, 'state ready');
  if (verb === 'weight') return tell(server, `weight ${weight}`);
  return { error: `no such verb: ${verb}` };
}

async function tell(server, what) {
  const said = (await say(`set server ${backend}/${server} ${what}`)).trim();
  return said === '' ? {} : { error: said };
}

/** Of those asked about, the ones that are there. */
async function servers(names) {
  const states = table(await say(`show servers state ${backend}`), ' ', 'srv_name');
  const statistics = table(await say(`show stat ${backend} 4 -1`), ',', 'svname');
  return Object.fromEntries(names.filter((name) => states.has(name) && statistics.has(name)).map((name) => {
    const [state, counted] = [states.get(name), statistics.get(name)];
    const admin = Number(state.srv_admin_state);
    return [name, {
      admin: (admin & MAINTAINED) !== 0 ? 'maint' : (admin & DRAINED) !== 0 ? 'drain' : 'ready',
      operational: Number(state.srv_op_state) === 0 ? 'down' : 'up',
      weight: Number(state.srv_uweight),
      connections: Number(counted.scur),
    }];
  }));
}

/** Rows by name, each by its headings. */
function table(text, separator, key) {
  const lines = text.split('\n').filter((line) => line.includes(separator));
  const headings = (lines.shift() ?? '').replace(/^# /, '').split(separator);
  return new Map(lines.map((line) => Object.fromEntries(line.split(separator).map((cell, index) => [headings[index], cell]))).map((row) => [row[key], row]));
}

/** Tells Signalbox of a restart, behind which drains may be forgotten. */
async function balancer() {
  const text = await say('show info');
  const field = (name) => Number(new RegExp(`^${name}: ([0-9]+)$`, 'm').exec(text)?.[1]);
  return { pid: field('Pid'), uptimeSeconds: field('Uptime_sec') };
}

function say(line) {
  return new Promise((resolve, reject) => {
    let text = '';
    const asked = connect(socket, () => asked.write(`${line}\n`));
    asked.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    asked.once('error', reject).once('close', () => resolve(text));
  });
}
