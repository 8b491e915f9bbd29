// npm fast-gateway in front of one upstream, without any check.
const gateway = require("fast-gateway");
const [port, upstream] = process.argv.slice(2);

const server = gateway({
  routes: [{ prefix: "/peer", target: `http://127.0.0.1:${upstream}` }],
});
server.start(Number(port), "127.0.0.1");
