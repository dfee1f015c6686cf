<?php
// Broadcasts every message to all clients: php server.php PORT
// One process, one loop around socket_select(), a socket_write() for each client, as chat servers in tutorials have it; but
// frames may come in pieces or several at once, which those forget.

declare(strict_types=1);

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

$listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
socket_set_option($listener, SOL_SOCKET, SO_REUSEADDR, 1);
if (!socket_bind($listener, '127.0.0.1', (int)$argv[1]) || !socket_listen($listener, 4096)) {
    exit(1);
}

$clients = [];
$buffers = [];
$open = [];
while (true) {
    $ready = $clients;
    $ready[0] = $listener;
    $none = null;
    if (socket_select($ready, $none, $none, null) === false) {
        continue; // a signal
    }

    foreach ($ready as $key => $socket) {
        if ($socket === $listener) {
            if ($client = socket_accept($listener)) {
                socket_set_option($client, SOL_TCP, TCP_NODELAY, 1);
                $id = spl_object_id($client);
                $clients[$id] = $client;
                $buffers[$id] = '';
            }
            continue;
        }

        $received = @socket_read($socket, 65536);
        if ($received === false || $received === '') {
            unset($clients[$key], $buffers[$key], $open[$key]);
            socket_close($socket);
            continue;
        }

        $buffers[$key] .= $received;
        if (!isset($open[$key])) {
            if (strpos($buffers[$key], "\r\n\r\n") !== false) {
                handshake($socket, $buffers[$key]);
                $buffers[$key] = '';
                $open[$key] = $socket;
            }
            continue;
        }

        while (($message = unmask($buffers[$key])) !== null) {
            $frame = frame($message);
            foreach ($open as $client) {
                write($client, $frame);
            }
        }
    }
}

function handshake(Socket $socket, string $request): void
{
    preg_match('/Sec-WebSocket-Key: *(\S+)/i', $request, $match);
    $accept = base64_encode(sha1(($match[1] ?? '') . GUID, true));
    write($socket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n");
}

/** Takes the first whole frame out of a buffer and returns its payload; null when there is none. */
function unmask(string &$buffer): ?string
{
    if (strlen($buffer) < 6) {
        return null;
    }

    $length = ord($buffer[1]) & 127;
    $start = 2;
    if ($length === 126) {
        $length = unpack('n', $buffer, 2)[1];
        $start = 4;
    }

    if (strlen($buffer) < $start + 4 + $length) {
        return null;
    }

    $mask = substr($buffer, $start, 4);
    $payload = substr($buffer, $start + 4, $length) ^ str_pad('', $length, $mask);
    $buffer = substr($buffer, $start + 4 + $length);
    return $payload;
}

function frame(string $payload): string
{
    $length = strlen($payload);
    return "\x81" . ($length < 126 ? chr($length) : "\x7e" . pack('n', $length)) . $payload;
}

function write(Socket $socket, string $bytes): void
{
    while ($bytes !== '') {
        $written = @socket_write($socket, $bytes);
        if ($written === false) {
            return;
        }
        $bytes = substr($bytes, $written);
    }
}
