#!/usr/bin/php
<?php
// Prints the messages of a room, each one once, across restarts, upgrades and broken connections: the id of the last message tells
// the server where to continue.
//
//     php follow.php 127.0.0.1:9000 lobby
//     php follow.php 127.0.0.1:9000 lobby 10       # ends after ten messages
//
// A WebSocket by hand (RFC 6455), for the command line: a browser has one, see the page of the server.

declare(strict_types=1);

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

[, $address, $room, $count] = $argv + [1 => '', 2 => 'lobby', 3 => '0'];
if ($address === '') {
    fwrite(STDERR, "usage: php follow.php HOST:PORT [ROOM [COUNT]]\n");
    exit(2);
}

$left = (int) $count ?: PHP_INT_MAX;
$lastId = null;

while ($left > 0) {
    $retryMs = random_int(100, 1000); // not all clients of a server at the same moment
    $socket = connect($address, $room, $lastId);
    while ($socket && $left > 0 && [$opcode, $payload] = readFrame($socket)) {
        if ($opcode === PING) {
            fwrite($socket, frame(PONG, $payload));
        } elseif ($opcode === CLOSE) {
            // A server that stops tells each client another moment to come again.
            $retryMs = preg_match('/retry in (\d{1,6}) ms/', $payload, $hint) ? (int) $hint[1] : $retryMs;
            fwrite($socket, frame(CLOSE, substr($payload, 0, 2)));
            break;
        } elseif ($opcode === TEXT) {
            $message = json_decode($payload, flags: JSON_THROW_ON_ERROR);
            $lastId = $message->id ?? $lastId; // that of a gap may be lower than the last one: it is where the room goes on
            if ($message->type === 'usermsg') {
                echo "$message->name: $message->message\n";
                $left--;
            } elseif ($message->type === 'gap') {
                fwrite(STDERR, "$message->message\n");
            }
        }
    }

    $left > 0 && usleep(1000 * $retryMs);
}

/** A connection that has shaken hands, or null. A message's id is sent to get what came behind it; without one, no history. */
function connect(string $address, string $room, ?string $lastId)
{
    $socket = @stream_socket_client("tcp://$address", timeout: 5);
    if (!$socket) {
        return null;
    }

    stream_set_timeout($socket, 120); // longer than between two pings
    $query = http_build_query(['room' => $room] + ($lastId === null ? ['history' => 0] : ['after' => $lastId]));
    $key = base64_encode(random_bytes(16));
    fwrite($socket, "GET /?$query HTTP/1.1\r\nHost: $address\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: $key\r\n\r\n");
    $status = fgets($socket);
    while (($line = fgets($socket)) !== false && trim($line) !== '');
    return $status !== false && str_contains($status, ' 101 ') ? $socket : null;
}

/** Opcode and payload of the next frame, or null at the end. A server's frames have no mask, and this server's are never fragmented. */
function readFrame($socket): ?array
{
    $head = readBytes($socket, 2);
    if ($head === null) {
        return null;
    }

    $length = ord($head[1]) & 0x7F;
    if ($length >= 126) {
        $bytes = readBytes($socket, $length === 126 ? 2 : 8);
        $length = $bytes === null ? null : unpack($length === 126 ? 'n' : 'J', $bytes)[1];
    }

    $payload = $length === null ? null : readBytes($socket, $length);
    return $payload === null ? null : [ord($head[0]) & 0x0F, $payload];
}

function readBytes($socket, int $count): ?string
{
    $bytes = $count === 0 ? '' : stream_get_contents($socket, $count);
    return $bytes !== false && strlen($bytes) === $count ? $bytes : null;
}

/** A control frame of a client, which is masked. */
function frame(int $opcode, string $payload): string
{
    $mask = random_bytes(4);
    return chr(0x80 | $opcode) . chr(0x80 | strlen($payload)) . $mask . ($payload ^ str_pad('', strlen($payload), $mask));
}
