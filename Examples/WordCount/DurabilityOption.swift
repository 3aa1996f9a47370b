import ArgumentParser
import Moldau

/// `sync`, `os`, or a number of milliseconds.
struct DurabilityOption: ExpressibleByArgument {
    let durability: Durability

    init?(argument: String) {
        switch argument {
        case "sync": durability = .sync
        case "os": durability = .os
        default:
            guard let number = Int(argument), number > 0 else { return nil }
            durability = .interval(.milliseconds(number))
        }
    }
}
