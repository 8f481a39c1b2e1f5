// The stock builds of socket.io-client, each loaded when it is first wanted. All of them put themselves into `window.io`,
// so one is loaded at a time and taken from there.

const loaded = new Map();
let last = Promise.resolve();

export function loadClient(build) {
  if (!loaded.has(build.version)) {
    const found = last.then(() => load(build.url));
    last = found.catch(() => {});
    loaded.set(build.version, found);
  }
  return loaded.get(build.version);
}

function load(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => {
      const io = window.io;
      delete window.io;
      resolve(io);
    };
    script.onerror = () => reject(new Error(`${url} could not be loaded`));
    document.head.append(script);
  });
}
