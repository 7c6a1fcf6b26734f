/** What containers are told about the node they run on. */
export interface NodeFacts {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly hostname: string;
  /** As the engine prints them: `x86_64`, `linux`. */
  readonly architecture: string;
  readonly os: string;
}
