// The same call on the command line.
import { copyable } from "/dev/elements.js";

/** In single quotes nothing is special to a shell but the quote itself. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The lines for a call of a flow: one for each route, and one for each procedure. */
export function commands(flow, body, server) {
  return flow.operations.flatMap((operation) => {
    const how = operation.streams ? "stream" : "whole answer";
    const made = [copyable(`curl, ${how}`, curl(operation, body, server))];
    if (server.rpc && operation.procedure) made.push(copyable(`grpcurl, ${how}`, grpcurl(operation, body, server))); // eject: grpc
    return made;
  });
}

function curl(operation, body, server) {
  const lines = [
    `curl ${operation.streams ? "--no-buffer " : ""}${quoted(location.origin + operation.route)}`,
    // The key itself stays out of what is copied.
    server.needs_key && `-H "Authorization: Bearer $API_KEY"`,
    "-H 'Content-Type: application/json'",
    `--data-raw ${quoted(body)}`,
  ];
  return lines.filter(Boolean).join(" \\\n  ");
}

// eject: grpc
function grpcurl(operation, body, server) {
  const { port, encryption } = server.rpc;
  const host = port ? `${location.hostname}:${port}` : `${location.hostname}:${location.port || (location.protocol === "https:" ? 443 : 80)}`;
  const isPlain = port ? encryption === "none" : location.protocol === "http:";
  const lines = [
    `grpcurl ${isPlain ? "-plaintext" : "-cacert ca.crt"}`,
    encryption === "mutual TLS" && "-cert client.crt -key client.key",
    server.needs_key && `-H "Authorization: Bearer $API_KEY"`,
    `-d ${quoted(body)}`,
    `${host} ${operation.procedure}`,
  ];
  return lines.filter(Boolean).join(" \\\n  ");
}
// eject: end
