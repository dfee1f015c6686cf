// Broadcasts every message to all clients, with the WebSockets of uWebSockets that are built into Bun: bun server.js PORT
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response('a WebSocket is needed', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0,
    sendPings: false,
    backpressureLimit: 64 << 20,
    open(socket) {
      socket.subscribe('room');
    },
    message(socket, data) {
      server.publish('room', data);
    },
  },
});
