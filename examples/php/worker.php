#!/usr/bin/php
<?php
// A worker that waits on its own queue, carries out each job, and sends the result to the chat.
//
//     php worker.php /var/lib/appliance &
//     appliance queue send --path worker.php --type 1 'resize photo.jpg'     # a job
//     appliance queue send --path worker.php --type 2 quit                   # the end, behind all jobs before it
//
// msg_receive() sleeps in the kernel: no loop, no sleep(), and several workers on one queue share the jobs among themselves.

declare(strict_types=1);

const JOB = 1;
const QUIT = 2;
const COMMAND = 1;        // message type of commands to the server
const MAX_BYTES = 65536;
const EINTR = 4;

$directory = $argv[1] ?? '';
$path = $argv[2] ?? __FILE__;
if ($directory === '') {
    fwrite(STDERR, "usage: php worker.php STATE_DIR [FILE_OF_THE_KEY]\n");
    exit(2);
}

$jobs = msg_get_queue(ftok($path, 'A'), 0660);
echo "waiting\n";

while (true) {
    // Type 0: whatever comes first. A message longer than MAX_BYTES would stay in front of the queue for ever and fail every
    // msg_receive(): MSG_NOERROR takes it, cut to that length.
    if (!msg_receive($jobs, 0, $type, MAX_BYTES, $text, unserialize: false, flags: MSG_NOERROR, error_code: $error)) {
        if ($error === EINTR) {
            continue; // a signal came
        }

        fwrite(STDERR, "worker.php: the queue is gone (error $error)\n");
        exit(1);
    }

    // msg_send() and 'queue send' write a string in PHP's serialize() format; others send the text alone.
    $value = @unserialize($text, ['allowed_classes' => false]);
    $job = is_string($value) ? $value : $text;

    if ($type === QUIT) {
        break;
    }

    echo "msgtype: $type, message: $job\n";
    say($directory, "done: $job");
}

// What nobody removes stays in the kernel until the next boot.
msg_remove_queue($jobs);

function say(string $directory, string $text): void
{
    $key = ftok($directory, 'A');
    if (msg_queue_exists($key)) {
        msg_send(msg_get_queue($key), COMMAND, "say $text", serialize: false, blocking: false);
    }
}
