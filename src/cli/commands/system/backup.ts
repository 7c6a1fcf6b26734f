// `skep system backup` and `skep system restore`: the swarm's state as one file, and a swarm made of one.

import type { Client } from "../../client.js";
import { oneArgument, verb } from "../../command.js";
import { CliError, DaemonError } from "../../errors.js";
import { text } from "../../flags/basic.js";
import { showBytes } from "../../flags/quantities.js";
import { listenAddress } from "../../flags/swarm.js";
import { patiently } from "../../patience.js";
import type { World } from "../../world.js";
import { goFileError } from "../service/env.js";
import { readKey } from "../swarm/unlock.js";

export const backup = verb({
  name: "backup",
  use: "FILE",
  about: "Write the swarm's state, keys included, to a file only you can read",
  args: oneArgument,
  flags: {},
  async run({ args: [file = ""], client, world }) {
    const { body } = await client.streamOwn("/skep/v1/backup");
    const written = world.writeSecretFile(file, whole(body)).catch((error: unknown) => {
      throw error instanceof CliError ? error : new CliError(goFileError(file, error));
    });
    const bytes = await patiently("the manager to send its state", written, world);
    world.stdout.write(`Swarm state written to ${file} (${showBytes(bytes)}).\n`);
    world.stderr.write("It holds the swarm's keys: whoever reads it can become a manager.\n");
    return undefined;
  },
});

async function* whole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`the backup broke off (${why}): nothing was written, try again`);
  }
}

const restoreFlags = {
  "advertise-addr": text('Advertised address (format: "<ip|interface>[:port]")'),
  "data-path-addr": text('Address or interface to use for data path traffic (format: "<ip|interface>")'),
  "listen-addr": listenAddress('Listen address (format: "<ip|interface>[:port]")'),
};

export const restore = verb({
  name: "restore",
  use: "[OPTIONS] FILE",
  about: "Make this node the only manager of the swarm a backup is of",
  args: oneArgument,
  flags: restoreFlags,
  async run({ flags, args: [file = ""], client, world }) {
    const query = {
      advertiseAddr: flags["advertise-addr"],
      dataPathAddr: flags["data-path-addr"],
      listenAddr: flags["listen-addr"],
    };
    const send = (headers: Readonly<Record<string, string>>) => upload({ file, client, world, query, headers });
    const nodeId = await send({}).catch(async (error: unknown) => {
      if (!wantsKey(error)) throw error;
      return send({ "Skep-Unlock-Key": await readKey(world) });
    });
    world.stdout.write(
      `Swarm restored: current node (${nodeId}) is now its only manager.\n\n` +
        "Workers of the swarm find it if it has the address of a manager they know; others join anew.\n" +
        "To add a manager, run 'skep swarm join-token manager' and follow the instructions.\n",
    );
    return undefined;
  },
});

interface Upload {
  readonly file: string;
  readonly client: Client;
  readonly world: World;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Readonly<Record<string, string>>;
}

async function upload({ file, client, world, query, headers }: Upload): Promise<string> {
  const chunks = await world.openFile(file).catch((error: unknown) => {
    throw new CliError(goFileError(file, error));
  });
  const restored = client.uploadOwn<string>("/skep/v1/restore", chunks, { query, headers });
  return patiently("the swarm to come up", restored, world);
}

/** The daemon read that the backup is of a locked swarm. */
function wantsKey(error: unknown): boolean {
  return error instanceof DaemonError && error.message.includes("its unlock key");
}
