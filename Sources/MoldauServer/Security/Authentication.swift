// How a client of one connection logs in (KIP-152, again after a while KIP-368):
//
//             choose a mechanism         tokens, until the mechanism is through
//     begin ────────────────────▶ chosen ───────────────────────────────────▶ loggedIn ──┐
//                                  ▲  │                                                  │ choose it again, if
//                                  │  └─────▶ failed, for good                           │ log-ins expire
//                                  └─────────────────────────────────────────────────────┘
//
// SaslHandshake chooses. After its version 0 tokens are frames of their own, otherwise they are in SaslAuthenticate. If
// clients need not log in, the state is `open` from the beginning.

internal import MoldauBroker

/// The mechanisms by which clients may log in.
enum LogInMechanism: Hashable, Sendable {
    case plain
    case scram(ScramMechanism)

    /// The name that is registered for SASL.
    var name: String {
        switch self {
        case .plain: "PLAIN"
        case .scram(let mechanism): mechanism.name
        }
    }
}

/// The log-in of one connection: pure, without its own I/O, time or randomness.
struct Authentication: Sendable {
    /// The inputs of a log-in.
    struct Knowledge: Sendable {
        var user: @Sendable (String) -> User?
        /// See `Security.decoySeed`.
        var decoySeed: [UInt8]
        /// Printable, without commas, and unique.
        var nonce: String
    }

    /// The result of a token.
    enum Step: Equatable {
        /// The client gets this, and continues.
        case challenge([UInt8])
        /// The client gets this, and is logged in.
        case done([UInt8])
        /// The log-in failed, and its connection is closed. The user's name is as the client sent it.
        case failed(user: String?, reason: String)
        /// No token was expected.
        case unexpected
    }

    private enum State {
        case open
        case begin
        case chosen(LogInMechanism)
        case challenged(LogInMechanism, ScramExchange)
        case loggedIn(LogInMechanism)
        case failed
    }

    /// The mechanisms that clients may choose from.
    let mechanisms: [LogInMechanism]
    /// How long a log-in is valid; nil: as long as the connection.
    private let lifetime: Duration?
    private var state: State
    private var tokensAreFrames = false
    /// The client's identity; nil before it is known.
    private(set) var principal: Principal?
    /// When the log-in is no longer valid.
    private var expiry: Duration?

    /// For a client that must log in.
    init(_ mechanisms: [LogInMechanism], lifetime: Duration?) {
        self.mechanisms = mechanisms
        self.lifetime = lifetime
        state = .begin
    }

    /// For a client that need not log in.
    init(of principal: Principal) {
        (mechanisms, lifetime, state) = ([], nil, .open)
        self.principal = principal
    }

    /// Whether the next frame is a token, not a request.
    var expectsFrame: Bool {
        switch state {
        case .chosen, .challenged: tokensAreFrames
        default: false
        }
    }

    /// Whether the next token is a password, which takes milliseconds to check.
    var expectsPassword: Bool {
        if case .chosen(.plain) = state { return true }
        return false
    }

    /// Whether the client may send requests other than a log-in. `now` is of a clock that is never set.
    func isValid(at now: Duration) -> Bool {
        switch state {
        case .open: return true
        case .loggedIn: return expiry.map { now < $0 } ?? true
        // While it logs in again, the client may send nothing else.
        default: return false
        }
    }

    /// Called when the client chooses the mechanism of that name.
    /// - Returns: NONE, UNSUPPORTED_SASL_MECHANISM or ILLEGAL_SASL_STATE, as Kafka's numbers.
    mutating func choose(_ name: String, tokensAreFrames: Bool) -> Int16 {
        let mechanism = mechanisms.first { $0.name == name }
        switch state {
        case .begin: break
        case .loggedIn(let before) where lifetime != nil && (mechanism == nil || mechanism == before): break
        default: return 34
        }
        guard let mechanism else {
            state = .failed
            return 33
        }
        self.tokensAreFrames = tokensAreFrames
        state = .chosen(mechanism)
        return 0
    }

    /// Processes a token. Checking a password takes milliseconds.
    mutating func take(_ token: [UInt8], _ known: Knowledge, now: Duration) -> Step {
        let step: Step
        switch state {
        case .chosen(.plain): step = checkPassword(token, known, now)
        case .chosen(.scram(let mechanism)): step = begin(mechanism, token, known)
        case .challenged(let mechanism, let exchange):
            do throws(ScramExchange.Malformed) {
                if let last = try exchange.finish(clientLast: token) {
                    step = logIn(exchange.user, by: mechanism, now, last)
                } else {
                    step = .failed(user: exchange.user, reason: "the password is wrong, or there is no such user")
                }
            } catch {
                step = .failed(user: exchange.user, reason: error.reason)
            }
        case .open, .begin, .loggedIn, .failed: step = .unexpected
        }
        if case .failed = step { state = .failed }
        return step
    }

    private mutating func begin(_ mechanism: ScramMechanism, _ token: [UInt8], _ known: Knowledge) -> Step {
        do throws(ScramExchange.Malformed) {
            let exchange = try ScramExchange(
                mechanism, clientFirst: token, serverNonce: known.nonce,
                credential: { known.user($0)?.credential(mechanism) }, decoySeed: known.decoySeed)
            state = .challenged(.scram(mechanism), exchange)
            return .challenge(exchange.challenge)
        } catch {
            return .failed(user: nil, reason: error.reason)
        }
    }

    private mutating func checkPassword(_ token: [UInt8], _ known: Knowledge, _ now: Duration) -> Step {
        guard let message = PlainMessage(token) else {
            return .failed(user: nil, reason: "the message does not have PLAIN's form")
        }
        let user = known.user(message.user)
        let credential = user?.credential(.sha512) ?? user?.credential(.sha256)
        // A user that does not exist takes the same amount of computation.
        let checked = credential ?? .decoy(.sha512, user: message.user, seed: known.decoySeed)
        let fits = (try? checked.fits(password: message.password)) ?? false
        guard fits, credential != nil else {
            return .failed(user: message.user, reason: "the password is wrong, or there is no such user")
        }
        return logIn(message.user, by: .plain, now, [])
    }

    private mutating func logIn(
        _ user: String, by mechanism: LogInMechanism, _ now: Duration, _ last: [UInt8]
    ) -> Step {
        let wanted = Principal(user)
        if let principal, principal != wanted {
            return .failed(user: user, reason: "the connection already belongs to \(principal)")
        }
        principal = wanted
        expiry = lifetime.map { now + $0 }
        state = .loggedIn(mechanism)
        return .done(last)
    }
}
