#!/usr/bin/python
"""Takes a server out of HAProxy's traffic or puts it back, by the runtime API, and waits until HAProxy shows it so."""

import socket
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: haproxy_server
short_description: Drain a server of HAProxy, or make it ready
options:
  socket: {type: path, required: true, description: The runtime API's socket, level admin.}
  backend: {type: str, required: true, description: The backend.}
  server: {type: str, required: true, description: The server in it.}
  state: {type: str, required: true, choices: [drain, ready], description: Drained means no open connection; ready means UP and taking requests.}
  timeout: {type: float, default: 10, description: Seconds to wait for it.}
"""

PAUSE_SECONDS = 0.05


def ask(path, line):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(line.encode() + b"\n")
        chunks = []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks).decode()


def row_of(params):
    """The server's line of `show stat`, by column."""
    head, *lines = ask(params["socket"], "show stat %s 4 -1" % params["backend"]).lstrip("# ").splitlines()
    names = head.split(",")
    for line in lines:
        row = dict(zip(names, line.split(",")))
        if row.get("svname") == params["server"]:
            return row
    return None


def is_reached(state, row):
    status = row["status"]
    if state == "drain":
        return status.startswith(("DRAIN", "MAINT", "DOWN")) and row["scur"] == "0"
    return status.startswith("UP")


def main():
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "backend": {"type": "str", "required": True},
            "server": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["drain", "ready"]},
            "timeout": {"type": "float", "default": 10},
        }
    )
    params = module.params
    end = time.monotonic() + params["timeout"]
    said = ask(params["socket"], "set server %s/%s state %s" % (params["backend"], params["server"], params["state"])).strip()
    if said:
        module.fail_json(msg="HAProxy refused: %s" % said)
    while True:
        row = row_of(params)
        if row is None:
            module.fail_json(msg="HAProxy has no server %s/%s" % (params["backend"], params["server"]))
        if is_reached(params["state"], row):
            module.exit_json(changed=True, status=row["status"])
        if time.monotonic() > end:
            if params["state"] == "drain":
                module.exit_json(changed=True, status=row["status"], connections_left=int(row["scur"]))
            module.fail_json(msg="%s did not come into service: %s" % (params["server"], row["status"]))
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
