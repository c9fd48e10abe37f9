/**
 * The router's configuration: what it can be told, its defaults, and how flags, variables and a file give it.
 *
 * @module
 */
export * from "./config/router_config.ts";
export * from "./config/settings.ts";
export * from "./config/resolve.ts";
