// The version this CLI was built from; the build puts package.json's in.
declare const SKEP_VERSION: string | undefined;

export const cliVersion: string = typeof SKEP_VERSION === "string" ? SKEP_VERSION : "dev";
