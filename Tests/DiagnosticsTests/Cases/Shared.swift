// What the cases speak of.

import Moldau

struct Order: JSONStreamCodable {
    var customer: String
    var cents: Int
}

struct Plain { var name: String }

let orders = Topic<String, Order>("orders")
let payments = Topic<String, Int>("payments")
let numbered = Topic<Int, String>("numbered")
let customers = Topic<String, String>("customers")
