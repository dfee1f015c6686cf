// Broadcasts every message to all clients: node server.js PORT
'use strict';

const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096, perMessageDeflate: false });

server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients) {
      client.send(data, { binary: isBinary });
    }
  });
});
