#!/usr/bin/php
<?php
// A counter that any number of processes share: a variable in shared memory, and a semaphore around every change of it.
//
//     php counter.php /var/lib/appliance 1000      # adds 1 a thousand times and prints the sum
//     appliance shm get 1                          # the same variable, from the shell
//
// Without the semaphore, two processes read the same number and one of their increments is lost. Attaching is a change, too:
// shm_attach() makes a new segment ready, and of two that do it at once one would throw away what the other has counted.

declare(strict_types=1);

const COUNTER = 1;        // number of the variable
const SEGMENT_BYTES = 10000;

$path = $argv[1] ?? __DIR__;
$times = (int) ($argv[2] ?? 1);

$key = ftok($path, 'A');
// The last argument: released by itself when the script ends, even by exit() or a fatal error; and SEM_UNDO in the kernel
// gives it back when the process is killed.
$lock = sem_get($key, 1, 0660, true);
sem_acquire($lock);
$memory = shm_attach($key, SEGMENT_BYTES, 0660);
sem_release($lock);

for ($i = 0; $i < $times; $i++) {
    sem_acquire($lock);
    $count = shm_has_var($memory, COUNTER) ? shm_get_var($memory, COUNTER) : 0;
    shm_put_var($memory, COUNTER, ++$count);
    sem_release($lock);
}

echo "$count\n";

// Detach only: the segment and the semaphore remain for other processes. When no process needs them any more, shm_remove() and
// sem_remove(), or 'appliance shm remove' and 'appliance sem remove', remove them.
shm_detach($memory);
