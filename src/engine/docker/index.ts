/** The client of a real Docker Engine. Start at engine.ts; http.ts is the one place that touches the socket. */
export { DockerEngine } from "./engine.js";
