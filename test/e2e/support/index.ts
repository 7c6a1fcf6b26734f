/**
 * Real hosts for tests and benchmarks: network, PID, mount and host-name namespaces with a Docker Engine of their own in
 * each, on a switch of their own. Must stay true: nothing survives a run, however it ends; nothing here knows how Skep
 * works inside. Start at hosts.ts (`startHosts`) and host.ts (what a host can do).
 */
export { realHosts } from "./detect.js";
export { eventually } from "./eventually.js";
export { type DockerOptions, dockerClis, type Host } from "./host.js";
export { type Hosts, startHosts } from "./hosts.js";
export { type Answer, DockerHttp } from "./http.js";
export { busybox, type Image, nodeWeb, web } from "./images.js";
export { type Result, run } from "./process.js";
