/* Numbers and logs every operation that changes what lies below one folder, and can kill the process at any of them.
 *
 * Preload it (LD_PRELOAD); it begins when TE_CRASH_ROOT is set, or when te_crash_begin() is called after setting it:
 *
 *   TE_CRASH_ROOT   the folder, canonical; what happens elsewhere is not seen
 *   TE_CRASH_LOG    the log, one line an operation; the counter and the lock are beside it, in "<log>.state"
 *   TE_CRASH_KEEP   a folder outside the root, on the same file system: what operation N destroys is kept there as "N"
 *   TE_CRASH_AT     the operation at which the process group is killed, which is then not performed (absent: never)
 *   TE_CRASH_TORN   "1": if that operation writes bytes, the first half of them is written
 *
 * A line: number, operation, inode, start, length, size before, kept (0/1), errno, path, second path; tabs between them.
 * Operations that cannot change anything (a file that exists is opened to be created, one that does not is unlinked)
 * are passed through. One lock, shared with forked children, orders all of them, so the log is the order of events.
 *
 * Not seen: stdio streams write with calls inside the C library, which cannot be interposed, so that only their fopen
 * is logged (LevelDB's LOG is such a file, and is not counted); stores into shared mappings, of which the mapping is
 * logged; permissions and times; programs without the dynamic linker. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ({ static __typeof__(name) *found; if (!found) found = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); found; })

struct shared { pthread_mutex_t lock; long count; };
static struct { char root[PATH_MAX], keep[PATH_MAX]; size_t length; long at; int torn, log; struct shared *shared; } rec;

/* ---- beginning and ending ---------------------------------------------------------------------------------------- */

static void fail(const char *what) {
    dprintf(2, "crash recorder: %s: %s\n", what, strerror(errno));
    _exit(97);
}

static struct shared *attach(const char *log) {
    char path[PATH_MAX];
    struct stat found;
    snprintf(path, sizeof path, "%s.state", log);
    int fd = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &found) || (!found.st_size && REAL(ftruncate)(fd, sizeof(struct shared)))) fail(path);
    struct shared *shared = REAL(mmap)(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) fail(path);
    close(fd);
    if (!found.st_size) {
        pthread_mutexattr_t how;
        pthread_mutexattr_init(&how);
        pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&shared->lock, &how);
    }
    return shared;
}

int te_crash_begin(void) {
    const char *root = getenv("TE_CRASH_ROOT"), *log = getenv("TE_CRASH_LOG"), *keep = getenv("TE_CRASH_KEEP");
    const char *at = getenv("TE_CRASH_AT"), *torn = getenv("TE_CRASH_TORN");
    if (!root || !log || !keep || !realpath(root, rec.root) || !realpath(keep, rec.keep)) return -1;
    rec.length = strlen(rec.root);
    rec.at = at ? atol(at) : 0;
    rec.torn = torn && *torn == '1';
    int fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || (rec.log = fcntl(fd, F_DUPFD_CLOEXEC, 700)) < 0) fail(log);
    close(fd);
    rec.shared = attach(log);
    return 0;
}

__attribute__((constructor)) static void load(void) {
    if (getenv("TE_CRASH_ROOT") && te_crash_begin()) fail("TE_CRASH_ROOT, TE_CRASH_LOG or TE_CRASH_KEEP");
}

static void enter(void) {
    if (pthread_mutex_lock(&rec.shared->lock) == EOWNERDEAD) pthread_mutex_consistent(&rec.shared->lock);
}

static void leave(void) {
    int before = errno;
    pthread_mutex_unlock(&rec.shared->lock);
    errno = before;
}

/* The machine is gone: everybody in the group, at once, while the lock holds the other threads still. */
static void die(void) {
    kill(0, SIGKILL);
    for (;;) pause();
}

static int due(void) { return ++rec.shared->count == rec.at; }

static void arrive(void) {
    if (due()) die();
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

static int below(const char *path) {
    return rec.shared && !strncmp(path, rec.root, rec.length) && (!path[rec.length] || path[rec.length] == '/');
}

static int opened(int fd, char *path) {
    char link[64];
    if (!rec.shared) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
    return n > 0 && below(path);
}

/* The canonical path of a name: its folder is resolved, the name itself is not (it may be a link, or not there). */
static int named(int folder, const char *name, char *path) {
    char whole[2 * PATH_MAX], parent[2 * PATH_MAX + 64];
    if (!rec.shared || !name || !*name || strlen(name) >= PATH_MAX) return 0;
    snprintf(whole, sizeof whole, "%s", name);
    for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/'; n--) whole[n - 1] = 0;
    char *slash = strrchr(whole, '/'), *last = slash ? slash + 1 : whole;
    if (!strcmp(last, ".") || !strcmp(last, "..")) return 0;
    int given = slash ? (int)(slash - whole) : 1;
    const char *head = slash ? whole : ".";
    if (*name == '/') snprintf(parent, sizeof parent, "%.*s/", given, head);
    else if (folder == AT_FDCWD) snprintf(parent, sizeof parent, "./%.*s", given, head);
    else snprintf(parent, sizeof parent, "/proc/self/fd/%d/%.*s", folder, given, head);
    if (!realpath(parent, path) || strlen(path) + strlen(last) + 2 > PATH_MAX) return 0;
    sprintf(path + strlen(path), "%s%s", path[1] ? "/" : "", last);
    return below(path) && path[rec.length];
}

static int there(const char *path, struct stat *found) {
    int before = errno, missing = lstat(path, found);
    errno = before;
    return !missing;
}

/* ---- the log, and what is kept ----------------------------------------------------------------------------------- */

struct line { const char *op, *path, *second; ino_t inode; off_t start, length, size; int kept, failed; };

static char *escape(char *out, const char *path) {
    for (; path && *path; path++)
        if (*path == '%' || *path == '\t' || *path == '\n') out += sprintf(out, "%%%02X", *path);
        else *out++ = *path;
    return out;
}

static void note(struct line line) {
    static char text[6 * PATH_MAX + 300];
    int before = errno;
    char *end = text + sprintf(text, "%ld\t%s\t%lu\t%ld\t%ld\t%ld\t%d\t%d\t", rec.shared->count, line.op,
                               (unsigned long)line.inode, line.start, line.length, line.size, line.kept, line.failed);
    end = escape(end, line.path);
    *end++ = '\t';
    end = escape(end, line.second);
    *end++ = '\n';
    if (REAL(write)(rec.log, text, end - text) != end - text) fail("the log");
    errno = before;
}

static const char *kept_path(void) {
    static char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%ld", rec.keep, rec.shared->count);
    return path;
}

static int keep_bytes(const char *path, off_t start, off_t end) {
    static char buffer[1 << 16];
    if (start >= end) return 0;
    int from = REAL(open)(path, O_RDONLY | O_CLOEXEC), to = REAL(open)(kept_path(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (from < 0 || to < 0) fail(path);
    for (ssize_t n; start < end; start += n) {
        size_t want = end - start < (off_t)sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        if ((n = pread(from, buffer, want, start)) <= 0 || REAL(write)(to, buffer, n) != n) fail(path);
    }
    close(from);
    close(to);
    return 1;
}

/* A hard link keeps the file and its inode number, which the log tells files apart by. */
static int keep_file(const char *path) {
    if (REAL(link)(path, kept_path())) fail(path);
    return 1;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

struct change { char path[PATH_MAX]; struct stat was; off_t start; size_t length; int kept, dies, flags; };

/* Counts a change of an open file, keeps what it overwrites, and says how much of it may be done; 0: none of ours. */
static int begin(struct change *c, int fd, off_t start, size_t length, int tearable) {
    char link[64];
    if (!opened(fd, c->path) || fstat(fd, &c->was) || !S_ISREG(c->was.st_mode)) return 0;
    enter();
    fstat(fd, &c->was);
    c->flags = fcntl(fd, F_GETFL);
    c->start = c->flags & O_APPEND ? c->was.st_size : start >= 0 ? start : lseek(fd, 0, SEEK_CUR);
    c->dies = due();
    c->length = c->dies ? length / 2 : length;
    if (c->dies && (!rec.torn || !tearable || !c->length)) die();
    off_t end = c->start + (off_t)length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    c->kept = keep_bytes(link, c->start, end < c->was.st_size ? end : c->was.st_size);
    return 1;
}

static ssize_t end(struct change *c, const char *op, ssize_t done) {
    struct line line = {op, c->path, NULL, c->was.st_ino, c->start, done, c->was.st_size, c->kept, 0};
    if (done < 0) line.length = 0, line.failed = errno;
    if (c->dies) line.op = "torn";
    note(line);
    if (c->dies) die();
    line.op = "sync";
    if (c->flags & O_DSYNC) note(line);
    leave();
    return done;
}

ssize_t write(int fd, const void *data, size_t n) {
    struct change c;
    if (!begin(&c, fd, -1, n, 1)) return REAL(write)(fd, data, n);
    return end(&c, "write", REAL(write)(fd, data, c.length));
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    struct change c;
    if (!begin(&c, fd, at, n, 1)) return REAL(pwrite)(fd, data, n, at);
    return end(&c, "write", REAL(pwrite)(fd, data, c.length, at));
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { return pwrite(fd, data, n, at); }

static size_t total(const struct iovec *parts, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++) sum += parts[i].iov_len;
    return sum;
}

static void first(struct iovec *some, const struct iovec *parts, int n, size_t length) {
    for (int i = 0; i < n; i++) {
        some[i] = parts[i];
        if (some[i].iov_len > length) some[i].iov_len = length;
        length -= some[i].iov_len;
    }
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    struct change c;
    if (n < 0 || n > IOV_MAX || !begin(&c, fd, -1, total(parts, n), 1)) return REAL(writev)(fd, parts, n);
    struct iovec some[n + 1];
    first(some, parts, n, c.length);
    return end(&c, "write", REAL(writev)(fd, some, n));
}

ssize_t pwritev2(int fd, const struct iovec *parts, int n, off_t at, int flags) {
    struct change c;
    if (n < 0 || n > IOV_MAX || !begin(&c, fd, at, total(parts, n), 1)) return REAL(pwritev2)(fd, parts, n, at, flags);
    struct iovec some[n + 1];
    first(some, parts, n, c.length);
    return end(&c, "write", REAL(pwritev2)(fd, some, n, at, flags));
}

ssize_t pwritev64v2(int fd, const struct iovec *parts, int n, off64_t at, int flags) { return pwritev2(fd, parts, n, at, flags); }
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) { return pwritev2(fd, parts, n, at, 0); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t at) { return pwritev2(fd, parts, n, at, 0); }

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *start, size_t n, unsigned flags) {
    struct change c;
    if (!begin(&c, to, start ? *start : -1, n, 1)) return REAL(copy_file_range)(from, at, to, start, n, flags);
    return end(&c, "write", REAL(copy_file_range)(from, at, to, start, c.length, flags));
}

ssize_t sendfile(int to, int from, off_t *at, size_t n) {
    struct change c;
    if (!begin(&c, to, -1, n, 1)) return REAL(sendfile)(to, from, at, n);
    return end(&c, "write", REAL(sendfile)(to, from, at, c.length));
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t n) { return sendfile(to, from, at, n); }

ssize_t splice(int from, off64_t *at, int to, off64_t *start, size_t n, unsigned flags) {
    struct change c;
    if (!begin(&c, to, start ? *start : -1, n, 1)) return REAL(splice)(from, at, to, start, n, flags);
    return end(&c, "write", REAL(splice)(from, at, to, start, c.length, flags));
}

int ftruncate(int fd, off_t size) {
    struct change c;
    if (!begin(&c, fd, size, SSIZE_MAX / 2, 0)) return REAL(ftruncate)(fd, size);
    return (int)end(&c, "truncate", REAL(ftruncate)(fd, size));
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int truncate(const char *path, off_t size) {
    int fd = REAL(open)(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate(fd, size), why = errno;
    close(fd);
    errno = why;
    return result;
}

int truncate64(const char *path, off64_t size) { return truncate(path, size); }

int fallocate(int fd, int mode, off_t at, off_t n) {
    struct change c;
    if (!begin(&c, fd, at, (size_t)n, 0)) return REAL(fallocate)(fd, mode, at, n);
    return (int)end(&c, "allocate", REAL(fallocate)(fd, mode, at, n));
}

int fallocate64(int fd, int mode, off64_t at, off64_t n) { return fallocate(fd, mode, at, n); }

int posix_fallocate(int fd, off_t at, off_t n) {
    struct change c;
    if (!begin(&c, fd, at, (size_t)n, 0)) return REAL(posix_fallocate)(fd, at, n);
    int why = REAL(posix_fallocate)(fd, at, n);
    errno = why;
    end(&c, "allocate", why ? -1 : 0);
    return why;
}

int posix_fallocate64(int fd, off64_t at, off64_t n) { return posix_fallocate(fd, at, n); }

/* ---- keeping it -------------------------------------------------------------------------------------------------- */

/* The disk is not asked: what is durable is the model's to say, and a thousand crash points cost no thousand flushes. */
static int keeping(int fd, int (*real)(int), const char *op) {
    char path[PATH_MAX];
    struct stat found;
    if (!opened(fd, path) || fstat(fd, &found)) return real(fd);
    enter();
    arrive();
    if (!op) op = S_ISDIR(found.st_mode) ? "syncdir" : "sync";
    note((struct line){.op = op, .path = path, .inode = found.st_ino, .size = found.st_size});
    leave();
    return 0;
}

int fsync(int fd) { return keeping(fd, REAL(fsync), NULL); }
int fdatasync(int fd) { return keeping(fd, REAL(fdatasync), NULL); }
int syncfs(int fd) { return keeping(fd, REAL(syncfs), "syncall"); }

void sync(void) {
    if (!rec.shared) return REAL(sync)();
    enter();
    arrive();
    note((struct line){.op = "syncall"});
    leave();
}

/* ---- names: opening ---------------------------------------------------------------------------------------------- */

static int opening(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat was;
    int makes = (flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!makes || !named(folder, name, path)) return REAL(openat)(folder, name, flags, mode);
    enter();
    int exists = !fstatat(AT_FDCWD, path, &was, 0);
    int empties = exists && (flags & O_TRUNC) && !(flags & O_EXCL) && S_ISREG(was.st_mode) && was.st_size;
    int creates = !exists && (flags & O_CREAT);
    struct line line = {creates ? "create" : "truncate", path, NULL, was.st_ino, 0, 0, empties ? was.st_size : 0, 0, 0};
    if (creates || empties) arrive();
    if (empties) line.kept = keep_bytes(path, 0, was.st_size);
    int fd = REAL(openat)(folder, name, flags, mode);
    line.failed = fd < 0 ? errno : 0;
    if (creates && fd >= 0 && !fstat(fd, &was)) line.inode = was.st_ino;
    if (creates || empties) note(line);
    leave();
    return fd;
}

static mode_t asked(int flags, va_list rest) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPENING(folder, name, flags) \
    va_list rest; va_start(rest, flags); mode_t mode = asked(flags, rest); va_end(rest); \
    return opening(folder, name, flags, mode)

int open(const char *name, int flags, ...) { OPENING(AT_FDCWD, name, flags); }
int open64(const char *name, int flags, ...) { OPENING(AT_FDCWD, name, flags | O_LARGEFILE); }
int openat(int folder, const char *name, int flags, ...) { OPENING(folder, name, flags); }
int openat64(int folder, const char *name, int flags, ...) { OPENING(folder, name, flags | O_LARGEFILE); }
int creat(const char *name, mode_t mode) { return opening(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

static FILE *streaming(FILE *(*real)(const char *, const char *), const char *name, const char *how) {
    char path[PATH_MAX];
    struct stat was;
    if (!strpbrk(how, "wa+") || !named(AT_FDCWD, name, path)) return real(name, how);
    enter();
    int exists = there(path, &was);
    FILE *stream = real(name, how);
    if (stream) fstat(fileno(stream), &was);
    if (stream) note((struct line){"stream", path, NULL, was.st_ino, 0, !exists, 0, 0, 0});
    leave();
    return stream;
}

FILE *fopen(const char *name, const char *how) { return streaming(REAL(fopen), name, how); }
FILE *fopen64(const char *name, const char *how) { return streaming(REAL(fopen64), name, how); }

void *mmap(void *address, size_t n, int protection, int flags, int fd, off_t at) {
    char path[PATH_MAX];
    if (fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED) && opened(fd, path)) {
        enter();
        note((struct line){.op = "mapped", .path = path, .start = at, .length = (off_t)n});
        leave();
    }
    return REAL(mmap)(address, n, protection, flags, fd, at);
}

void *mmap64(void *address, size_t n, int protection, int flags, int fd, off64_t at) {
    return mmap(address, n, protection, flags, fd, at);
}

/* ---- names: making, moving, removing ----------------------------------------------------------------------------- */

int renameat2(int folder, const char *name, int folder2, const char *name2, unsigned flags) {
    char from[PATH_MAX], to[PATH_MAX];
    struct stat moved, lost;
    int out = named(folder, name, from), in = named(folder2, name2, to);
    if (!out && !in) return REAL(renameat2)(folder, name, folder2, name2, flags);
    enter();
    int replaces = there(to, &lost), same = 0;
    int moves = there(from, &moved) && !(replaces && (flags & RENAME_NOREPLACE));
    if (moves && replaces) same = moved.st_ino == lost.st_ino;
    struct line line = {out && in && !(flags & RENAME_EXCHANGE) ? "rename" : "crossing", from, to, moved.st_ino, 0, 0, 0, 0, 0};
    if (moves && !same) {
        arrive();
        line.length = S_ISDIR(moved.st_mode);
        line.kept = replaces && !S_ISDIR(lost.st_mode) && keep_file(to);
        line.size = replaces && S_ISDIR(lost.st_mode);
    }
    int result = flags ? REAL(renameat2)(folder, name, folder2, name2, flags) : REAL(renameat)(folder, name, folder2, name2);
    line.failed = result ? errno : 0;
    if (moves && !same) note(line);
    leave();
    return result;
}

int renameat(int folder, const char *from, int folder2, const char *to) { return renameat2(folder, from, folder2, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    struct stat was;
    if (!named(folder, name, path)) return REAL(unlinkat)(folder, name, flags);
    enter();
    int exists = there(path, &was), directory = exists && S_ISDIR(was.st_mode);
    int removes = exists && directory == !!(flags & AT_REMOVEDIR);
    struct line line = {directory ? "rmdir" : "unlink", path, NULL, was.st_ino, 0, 0, 0, 0, 0};
    if (removes) arrive();
    if (removes && !directory) line.kept = keep_file(path);
    int result = REAL(unlinkat)(folder, name, flags);
    line.failed = result ? errno : 0;
    if (removes) note(line);
    leave();
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int remove(const char *name) {
    struct stat was;
    return unlinkat(AT_FDCWD, name, there(name, &was) && S_ISDIR(was.st_mode) ? AT_REMOVEDIR : 0);
}

/* A name for something new, or for something that has one: `call` is evaluated with the lock held. */
#define NAMING(label, folder, name, call) \
    char path[PATH_MAX]; \
    struct stat was = {0}; \
    if (!named(folder, name, path)) return call; \
    enter(); \
    int makes = !there(path, &was); \
    if (makes) arrive(); \
    int result = call, why = errno; \
    if (!result) there(path, &was); \
    if (makes) note((struct line){.op = label, .path = path, .inode = was.st_ino, .failed = result ? why : 0}); \
    leave(); \
    errno = why; \
    return result

int mkdirat(int folder, const char *name, mode_t mode) { NAMING("mkdir", folder, name, REAL(mkdirat)(folder, name, mode)); }
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }
int symlinkat(const char *to, int folder, const char *name) { NAMING("link", folder, name, REAL(symlinkat)(to, folder, name)); }
int symlink(const char *to, const char *name) { return symlinkat(to, AT_FDCWD, name); }
int linkat(int folder, const char *from, int folder2, const char *name, int flags) {
    NAMING("link", folder2, name, REAL(linkat)(folder, from, folder2, name, flags));
}
int link(const char *from, const char *name) { return linkat(AT_FDCWD, from, AT_FDCWD, name, 0); }
