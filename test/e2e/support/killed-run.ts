// Starts a host with a container and then only waits to be killed: what hosts.test.ts shows the clean-up with.

import { startHosts } from "./hosts.js";

const hosts = await startHosts(1);
await hosts.host(1).docker(["run", "-d", "busybox", "sleep", "1000"], { to: "engine" });
console.log(JSON.stringify({ pid: process.pid, ...hosts.run }));
setInterval(() => {}, 1_000);
