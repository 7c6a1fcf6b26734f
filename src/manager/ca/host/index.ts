/** The real cryptography of the CA and of a node's identity: @peculiar/x509 on WebCrypto, and node:crypto. */
export { createPki } from "./pki.js";
export { preloadPki } from "./x509.js";
