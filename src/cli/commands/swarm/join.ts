// `skep swarm join`
import type { Info, JoinRequest } from "../../../api/types.js";
import { oneArgument, verb } from "../../command.js";
import { text } from "../../flags/basic.js";
import { availabilityOf, defaultListenAddr, listenAddress } from "../../flags/swarm.js";
import { patiently } from "../../patience.js";

const flags = {
  "advertise-addr": text('Advertised address (format: "<ip|interface>[:port]")'),
  availability: text('Availability of the node ("active", "pause", "drain")', { shown: '"active"' }),
  "data-path-addr": text('Address or interface to use for data path traffic (format: "<ip|interface>")'),
  "listen-addr": listenAddress('Listen address (format: "<ip|interface>[:port]")'),
  token: text("Token for entry into the swarm"),
};

export const join = verb({
  name: "join",
  use: "[OPTIONS] HOST:PORT",
  about: "Join a swarm as a node and/or manager",
  args: oneArgument,
  flags,
  async run({ flags: given, args: [remote = ""], client, world }) {
    const body: JoinRequest = {
      ListenAddr: given["listen-addr"] ?? defaultListenAddr,
      AdvertiseAddr: given["advertise-addr"] ?? "",
      DataPathAddr: given["data-path-addr"] ?? "",
      RemoteAddrs: [remote],
      JoinToken: given.token ?? "",
      Availability: availabilityOf(given.availability),
    };
    await patiently(`the manager at ${remote}`, client.post("/swarm/join", { body }), world);
    const { Swarm } = await client.get<Info>("/info");
    world.stdout.write(`This node joined a swarm as a ${Swarm.ControlAvailable ? "manager" : "worker"}.\n`);
    return undefined;
  },
});
