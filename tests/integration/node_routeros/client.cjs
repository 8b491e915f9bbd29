// Runs commands with node-routeros, an independent client, and prints the outcomes.
// node client.cjs PORT '[["/menu/print", "=name=value"], …]'
const { RouterOSAPI } = require('node-routeros');

const [port, commands] = [Number(process.argv[2]), JSON.parse(process.argv[3])];

async function main() {
  const router = new RouterOSAPI({
    host: '127.0.0.1', port, user: 'admin', password: 's3cret', timeout: 5,
  });
  await router.connect();
  const outcomes = [];
  for (const [command, ...words] of commands) {
    try {
      outcomes.push({ rows: await router.write(command, words) });
    } catch (error) {
      outcomes.push({ error: error.message });
    }
  }
  process.stdout.write(JSON.stringify(outcomes));
  await router.close();
}

process.on('uncaughtException', (error) => {
  process.stdout.write(JSON.stringify({ uncaught: error.message }));
  process.exit(1);
});
main().catch((error) => {
  process.stdout.write(JSON.stringify({ failed: error.message }));
  process.exit(1);
});
