#include "rocksdb/c.h"
