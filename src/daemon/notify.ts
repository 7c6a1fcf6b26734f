// What systemd is told and asked. Node has no datagram socket for NOTIFY_SOCKET, so its own tools speak for us.

import { execFile } from "node:child_process";

const boundMs = 1_000;

/** Tells systemd that the service is ready or stopping; does nothing outside of systemd. */
export async function notifySystemd(state: "READY=1" | "STOPPING=1"): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  await run("systemd-notify", [state]);
}

/** True when the whole machine is going down, so that this node's tasks should be replaced at once. */
export async function machineIsStopping(): Promise<boolean> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return false;
  return (await run("systemctl", ["is-system-running"])).trim() === "stopping";
}

/** Its output, whatever its exit code; "" when it cannot be run within the bound. */
function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: boundMs }, (_error, stdout) => resolve(stdout));
  });
}
