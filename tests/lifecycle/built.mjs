/** A process that uses the built package in the folder it is given; prints what it found. */
const start = process.cpuUsage();
const { data, log, setAnomalyMode, tensor } = await import(`${process.argv[2]}/index.js`);
const { user, system } = process.cpuUsage(start);
const loaded = new Set(process.moduleLoadList.map((line) => line.split(' ').at(-1)));
const network = ['http', 'https', 'tls'].filter((name) => loaded.has(name));

const images = data.fromArrays({
  image: { data: Float32Array.from({ length: 24 }, (_, i) => i / 24), shape: [2, 3, 2, 2] },
});
const inThreads = data.augmentInWorkers([data.normalize([0, 0, 0], [0.5, 0.5, 0.5])], { workers: 1 });
const first = [];
for await (const { image } of images.map(inThreads)) first.push(...(await image.data()).subarray(0, 2));
await inThreads.close();

setAnomalyMode(true);
const message = await log(tensor(-1))
  .data()
  .catch((error) => error.message);
console.log(JSON.stringify({ milliseconds: (user + system) / 1e3, network, first, message }));
