// One switch and a cable from it to each host. The switch lives in a network namespace of its own, so that no firewall of
// this machine is on the way.

import { Namespaces } from "./namespaces.js";
import { run } from "./process.js";
import type { RunFolder } from "./run-folder.js";

export const SUBNET = "10.30.0";

export class Switch {
  readonly #namespaces: Namespaces;

  private constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  static async start(folder: RunFolder): Promise<Switch> {
    const setUp = "ip link add sw0 type bridge; ip link set sw0 up";
    return new Switch(await Namespaces.start(folder, "switch", setUp));
  }

  /** Lays the cable of host `number` and gives its end (eth0) the address 10.30.0.NUMBER/24. */
  async connect(host: Namespaces, number: number): Promise<void> {
    const port = `p${number}`;
    await run(
      `ip link add eth0 netns ${host.pid} type veth peer name ${port} netns ${this.#namespaces.pid}`.split(" "),
    );
    await Promise.all([
      this.#ip(`link set ${port} master sw0 up`),
      host.run(["ip", "-batch", "-"], { input: `addr add ${SUBNET}.${number}/24 dev eth0\nlink set eth0 up\n` }),
    ]);
  }

  /** Silence: what host `number` sends gets nowhere and nothing reaches it, but its own link stays up. */
  async disconnect(number: number): Promise<void> {
    await this.#ip(`link set p${number} nomaster`);
  }

  async reconnect(number: number): Promise<void> {
    await this.#ip(`link set p${number} master sw0`);
  }

  async end(): Promise<void> {
    await this.#namespaces.end();
  }

  async #ip(command: string): Promise<void> {
    await this.#namespaces.run(["ip", ...command.split(" ")]);
  }
}
