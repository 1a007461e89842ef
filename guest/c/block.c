/* A virtio disk on the lguest bus: finding it, bringing it up, and reading a sector.
 *
 * The page above memory describes the devices, one after the other. A disk has one queue, whose rings
 * lie in the pages behind that one. A request is a chain of three buffers:
 *
 *   | type, 0, sector |  512 bytes  | status |
 *     for the device    written by    written by
 *     to read           the device    the device
 *
 * Source: docs/abi.md, "Devices"; virtio 1.0, "Virtqueues" and "Block Device".
 *
 * Read next: example.c
 */
#include "kennel.h"

struct queue_config {
    uint16_t entries;
    uint16_t irq;
    uint32_t page_frame;
} __attribute__((packed));

_Static_assert(sizeof(struct queue_config) == LG_QUEUE_LEN, "as the device page has it");

struct device {
    uint8_t type, queues, feature_len, config_len;
    volatile uint8_t status;
    struct queue_config queue[];
} __attribute__((packed));

_Static_assert(offsetof(struct device, status) == LG_STATUS, "as the device page has it");
_Static_assert(offsetof(struct device, queue) == LG_HEADER_LEN, "as the device page has it");

/* The types of requests, and the status of one that went well. */
#define REQUEST_READ 0
#define STATUS_OK 0

static struct {
    uint32_t type, priority;
    uint64_t sector;
} request;
static volatile uint8_t request_status;
static uint8_t sector_bytes[SECTOR];

static struct {
    uint32_t physical;
    uint16_t entries;
    uint16_t offered; /* how many chains the device has been given */
    uint16_t taken;   /* how many it has given back */
} queue;

/* What lies at a physical address of the device pages. */
static void *device_memory(uint32_t physical)
{
    return (void *)(DEVICES + (physical - memory_size()));
}

/* The first byte behind the queues and both maps of features: the device's configuration. */
static const uint8_t *config_of(const struct device *device)
{
    return (const uint8_t *)&device->queue[device->queues] + 2 * device->feature_len;
}

static struct device *find(uint8_t type)
{
    struct device *device = device_memory(memory_size());

    while (device->type != type && device->type != LG_TYPE_END)
        device = (struct device *)(config_of(device) + device->config_len);
    return device->type == type ? device : NULL;
}

/* Resets the device and brings it up, without any of the features it offers. */
static void bring_up(struct device *device)
{
    uint32_t physical = memory_size() + ((uint32_t)device - DEVICES);

    device->status = 0;
    hypercall(LHCALL_NOTIFY, physical, 0, 0);
    device->status = LG_STATUS_ACKNOWLEDGE;
    device->status = LG_STATUS_ACKNOWLEDGE | LG_STATUS_DRIVER;
    hypercall(LHCALL_NOTIFY, physical, 0, 0);
    device->status = LG_STATUS_ACKNOWLEDGE | LG_STATUS_DRIVER | LG_STATUS_DRIVER_OK;
}

/* Starts the first disk. Returns how many sectors it has, or 0 if there is no disk. */
uint32_t disk_start(void)
{
    struct device *device = find(LG_TYPE_BLOCK);
    uint32_t sectors;

    if (!device)
        return 0;
    bring_up(device);
    queue.physical = device->queue[0].page_frame * LG_PAGE_SIZE;
    queue.entries = device->queue[0].entries;
    memcpy(&sectors, config_of(device), sizeof sectors); /* the low half: it is enough for 2 TiB */
    return sectors;
}

static void describe(uint16_t number, uint32_t physical, uint32_t length, uint16_t flags)
{
    struct virtq_desc *descriptors = device_memory(queue.physical);

    descriptors[number] = (struct virtq_desc){ physical, length, flags, number + 1 };
}

/* Gives the chain that begins with descriptor 0 to the device, and waits until it is given back. */
static void run_request(void)
{
    volatile struct virtq_avail *avail = device_memory(queue.physical + AVAIL_OFFSET(queue.entries));
    volatile struct virtq_used *used = device_memory(queue.physical + USED_OFFSET(queue.entries));

    avail->flags = LG_AVAIL_NO_INTERRUPT; /* it is waited for right here */
    avail->ring[queue.offered % queue.entries] = 0;
    barrier(); /* the device must find the chain complete when it sees the index */
    avail->idx = ++queue.offered;
    hypercall(LHCALL_NOTIFY, queue.physical, 0, 0);
    while (used->idx == queue.taken)
        barrier();
    queue.taken++;
}

/* Reads a sector of the disk that disk_start has started; NULL if that fails. */
const uint8_t *disk_read(uint32_t sector)
{
    request.type = REQUEST_READ;
    request.sector = sector;
    request_status = 0xff;
    describe(0, phys(&request), sizeof request, LG_DESC_NEXT);
    describe(1, phys(sector_bytes), SECTOR, LG_DESC_NEXT | LG_DESC_WRITE);
    describe(2, phys(&request_status), 1, LG_DESC_WRITE);
    run_request();
    return request_status == STATUS_OK ? sector_bytes : NULL;
}
