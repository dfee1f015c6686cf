#!/usr/bin/php
<?php
// Sends a message to every browser in a room, from any script on the server's host.
//
//     php push.php /var/lib/appliance 'Back in five minutes'
//     php push.php /var/lib/appliance 'Sold out' shop
//
// The first argument is the server's --state-dir: the key of its queue is made from it. The queue belongs to the server's user
// and group, mode 0660, so the script must run as a member of that group (or as root).

declare(strict_types=1);

const COMMAND = 1; // message type of commands to the server

[, $directory, $text, $room] = $argv + [1 => "", 2 => "", 3 => "lobby"];
if ($directory === '' || $text === '') {
    fwrite(STDERR, "usage: php push.php STATE_DIR TEXT [ROOM]\n");
    exit(2);
}

$key = is_dir($directory) ? ftok($directory, 'A') : -1;

// msg_get_queue() would make a queue that nobody reads: the server makes its own.
if ($key === -1 || !msg_queue_exists($key)) {
    fwrite(STDERR, "push.php: no server runs with --state-dir $directory\n");
    exit(1);
}

// 'say @ROOM TEXT' would do as well; JSON also sets name and colour.
$message = json_encode(
    ['type' => 'usermsg', 'room' => $room, 'name' => 'php', 'message' => $text, 'color' => '#777BB3'],
    JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR,
);

// Without waiting: a web page must not hang because somebody floods the queue. PHP serializes the string; the server takes either.
if (!msg_send(msg_get_queue($key), COMMAND, $message, serialize: true, blocking: false, error_code: $error)) {
    fwrite(STDERR, 'push.php: not sent: ' . ($error === MSG_EAGAIN ? 'the queue is full' : posix_strerror($error)) . "\n");
    exit(1);
}
