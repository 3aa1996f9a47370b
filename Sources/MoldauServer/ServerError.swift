internal import Foundation

/// The reasons why a server cannot start.
public enum ServerError: Error, Equatable, CustomStringConvertible {
    /// Another program listens on it.
    case addressInUse(ListenAddress)
    /// The address is not one of this machine's, or the name is unknown.
    case addressNotAvailable(ListenAddress, reason: String)
    /// Other machines can reach the address, and it is not protected.
    case unprotectedAddress(ListenAddress)
    /// No address to listen on was given.
    case noAddress
    /// The certificate, its key or the clients' authority for an encrypted address is unusable.
    case tls(reason: String)
    /// The data directory has access rules, but access lists are off.
    case unusedAccessRules(count: Int)
    /// The server has stopped, and cannot be restarted.
    case stopped

    public var description: String {
        switch self {
        case .addressInUse(let address):
            "another program listens on \(address); stop it, or give another port (port 0 chooses a free one)"
        case .addressNotAvailable(let address, let reason):
            "nothing can listen on \(address): \(reason); give an address of this machine, such as 127.0.0.1:\(address.port)"
        case .unprotectedAddress(let address):
            "other machines can reach \(address), but it does not both encrypt and require a log-in; listen on "
                + "127.0.0.1, or on SASL_SSL://\(address.place), or allow it with '--insecure' (ServerOptions.isInsecure)"
        case .tls(let reason): "TLS cannot be set up: \(reason)"
        case .unusedAccessRules(let count):
            "the data directory has \(count) access rules, but access lists are off, so everybody could do "
                + "everything; turn them on with '--access-lists' (ServerOptions.checksAccess), or remove its file "
                + "'access.json'"
        case .noAddress: "a server needs an address to listen on"
        case .stopped: "the server has stopped; make a new one"
        }
    }
}
