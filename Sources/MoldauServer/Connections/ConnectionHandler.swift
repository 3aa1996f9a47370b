internal import Logging
internal import MoldauBroker
internal import MoldauClusterEmbedded
internal import MoldauLog
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import Synchronization

/// One connection on its event loop: splits the input into frames, sends answers, and reads no faster than requests are
/// answered.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = IOData

    private let connection: Connection
    private let memory: ConnectionTable
    private let options: ServerOptions
    private let logger: Logger
    private let cutter: FrameCutter
    /// The frames of the current read.
    private var frames: [ByteBuffer] = []
    /// Whether a requested read is held back.
    private var isReadHeld = false
    /// Whether it was held back for more than a moment.
    private var wasHeldLong = false
    /// Whether it waits for `ConnectionTable` to have memory again.
    private var waitsForRoom = false
    private var isStopping = false
    /// Whether the client is authenticated, and may send any request.
    private var isAuthenticated = false
    /// Whether the handshake of an encrypted connection is complete.
    private var hasShakenHands = false
    private var logInDeadline: Scheduled<Void>?
    /// Writes that have not reached the socket.
    private var writesInFlight = 0
    private var watch: Scheduled<Void>?
    /// When the incomplete frame began; nil if there is none.
    private var frameBegun: NIODeadline?
    /// When the client last read something, and how much was unread then.
    private var lastSent = NIODeadline.now()
    private var lastBuffered = 0
    private var lastAsked = NIODeadline.now()

    /// Answers below this size are sent in one piece.
    private static var coalescedBytes: Int { 8 << 10 }

    init(_ connection: Connection, _ memory: ConnectionTable, _ options: ServerOptions, _ logger: Logger) {
        self.connection = connection
        self.memory = memory
        self.options = options
        self.logger = logger
        cutter = FrameCutter(
            maxFrameBytes: min(options.maxRequestBytes, ServerOptions.maxLogInBytes), memory.frameBuffers)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection.door.open(to: SocketEnd(handler: self, context: context))
        if !connection.localAddress.security.isEncrypted { receiveIntoFrames(context) }
        scheduleWatch(context)
        noteAuthentication()
        if !isAuthenticated { scheduleLogInDeadline(context) }
    }

    private func receiveIntoFrames(_ context: ChannelHandlerContext) {
        let buffers = ReceiveBuffers(cutter: NIOLoopBound(cutter, eventLoop: context.eventLoop))
        do {
            try context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            try context.channel.syncOptions?.setOption(.recvAllocator, value: buffers)
        } catch {
            close(context, reason: "the connection cannot be set up: \(error)")
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch?.cancel()
        logInDeadline?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOSSLError || error is BoringSSLError, !hasShakenHands {
            logger.warning(
                "encryption could not be set up with a client, or its certificate was refused",
                metadata: metadata("\(error)"))
        } else {
            // The client has disconnected: there is nothing to answer.
            logger.debug("a connection failed", metadata: metadata("\(error)"))
        }
        context.close(promise: nil)
    }

    // MARK: Authentication

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            hasShakenHands = true
            if !connection.localAddress.security.requiresLogIn { takeCertificate(context) }
            noteAuthentication()
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A client that presents a certificate is identified by its subject.
    private func takeCertificate(_ context: ChannelHandlerContext) {
        do {
            guard let certificate = try context.pipeline.syncOperations.nioSSL_peerCertificate() else { return }
            let name = try CertificateSubject.name(ofCertificate: certificate.toDERBytes())
            connection.authentication.withLock { $0 = Authentication(of: Principal(name)) }
        } catch {
            close(context, reason: "the subject of its certificate cannot be read: \(error)")
        }
    }

    /// Called when the client may have become authenticated: it may then send more than a log-in.
    private func noteAuthentication() {
        guard !isAuthenticated, hasShakenHands || !connection.localAddress.security.isEncrypted,
            connection.authentication.withLock({ $0.principal != nil })
        else { return }
        isAuthenticated = true
        cutter.maxFrameBytes = options.maxRequestBytes
        logInDeadline?.cancel()
    }

    private func scheduleLogInDeadline(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        logInDeadline = context.eventLoop.scheduleTask(in: TimeAmount(options.logInTimeout)) {
            let (handler, context) = bound.value
            handler.noteAuthentication()
            if !handler.isAuthenticated { handler.close(context, reason: "it did not log in in time") }
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isAuthenticated { noteAuthentication() }
        let bytes = unwrapInboundIn(data)
        memory.traffic.received(bytes.readableBytes)
        do throws(FrameCutter.Refusal) {
            let isDecrypted = connection.localAddress.security.isEncrypted
            try cutter.cut(bytes, isOwn: !isDecrypted) { frames.append($0) }
        } catch {
            close(context, reason: "\(error)")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !frames.isEmpty {
            lastAsked = .now()
            frameBegun = nil
            memory.traffic.asked(frames.count)
            connection.receive(&frames)
        }
        if cutter.heldBytes > 0, frameBegun == nil { frameBegun = .now() }
        noteHeld()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        isReadHeld = true
        resumeReading(context)
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard isReadHeld, !isStopping else { return }
        guard context.channel.isWritable, !connection.isFull, !waitsForRoom else {
            wasHeldLong = true
            return
        }
        if memory.hasRoom(for: connection) {
            isReadHeld = false
            // The time in which reading was paused does not count against the client.
            if wasHeldLong, frameBegun != nil { frameBegun = .now() }
            wasHeldLong = false
            context.read()
        } else {
            (waitsForRoom, wasHeldLong) = (true, true)
        }
    }

    /// Called when `ConnectionTable` has memory again.
    func hasRoom(_ context: ChannelHandlerContext) {
        waitsForRoom = false
        resumeReading(context)
    }

    private func noteHeld() { memory.note(held: cutter.heldBytes + connection.unsentBytes, by: connection.number) }

    // MARK: Sending

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading(context)
        context.fireChannelWritabilityChanged()
    }

    /// Sends the released answers, and resumes reading.
    func pump(_ context: ChannelHandlerContext) {
        let answers = connection.takeAnswers()
        var small = ByteBuffer()
        var sent = UnsentBytes()
        var closing: String?
        for answer in answers {
            sent += answer.size
            switch answer {
            case .nothing: break
            case .close(let reason):
                closing = closing ?? reason
            case .frame(let parts):
                if closing != nil { break }
                for part in parts { write(part, &small, context) }
            case .last(let parts, let reason):
                if closing != nil { break }
                for part in parts { write(part, &small, context) }
                // What was already written is sent, and nothing after it.
                logger.debug("a client's connection ends", metadata: metadata(reason))
                isStopping = true
            }
        }
        write(&small, context)
        if !answers.isEmpty { flush(context, sent) }
        noteHeld()
        if let closing { return close(context, reason: closing) }
        if isStopping { return closeIfQuiet(context) }
        resumeReading(context)
    }

    private func write(_ part: Answer.Part, _ small: inout ByteBuffer, _ context: ChannelHandlerContext) {
        switch part {
        case .bytes(var bytes):
            if bytes.readableBytes < Self.coalescedBytes {
                small.writeBuffer(&bytes)
            } else {
                write(&small, context)
                context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
            }
        case .file(let bytes):
            write(&small, context)
            let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: bytes.descriptor)
            let region = FileRegion(
                fileHandle: handle, readerIndex: bytes.range.lowerBound, endIndex: bytes.range.upperBound)
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in
                // The descriptor belongs to the log: it is returned, not closed.
                _ = try? handle.takeDescriptorOwnership()
                withExtendedLifetime(bytes) {}
            }
            context.write(wrapOutboundOut(.fileRegion(region)), promise: promise)
        }
    }

    private func write(_ small: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard small.readableBytes > 0 else { return }
        context.write(wrapOutboundOut(.byteBuffer(small)), promise: nil)
        small = ByteBuffer()
    }

    /// Flushes, and counts `bytes` as sent once everything before has reached the socket.
    private func flush(_ context: ChannelHandlerContext, _ bytes: UnsentBytes) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in
            let (handler, context) = bound.value
            handler.writesInFlight -= 1
            handler.lastSent = .now()
            handler.connection.noteSent(bytes)
            handler.noteHeld()
            if handler.isStopping { handler.closeIfQuiet(context) }
        }
        memory.traffic.sent(bytes.inMemory + bytes.inFiles)
        if writesInFlight == 0 { lastSent = .now() }
        writesInFlight += 1
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer())), promise: promise)
    }

    // MARK: Ending

    /// Stops reading, finishes the requests that have started, and closes.
    func stop(_ context: ChannelHandlerContext) {
        isStopping = true
        connection.cancelWait()
        closeIfQuiet(context)
    }

    private func closeIfQuiet(_ context: ChannelHandlerContext) {
        if writesInFlight == 0, connection.isQuiet { context.close(promise: nil) }
    }

    func close(_ context: ChannelHandlerContext, reason: String) {
        guard context.channel.isActive else { return }
        logger.notice("a client's connection was closed", metadata: metadata(reason))
        context.close(promise: nil)
    }

    private func metadata(_ reason: String) -> Logger.Metadata {
        ["client": "\(connection.clientAddress)", "reason": "\(reason)"]
    }

    // MARK: Time

    private func scheduleWatch(_ context: ChannelHandlerContext) {
        let pause = max(min(options.stallTimeout, options.idleTimeout) / 4, .milliseconds(10))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        watch = context.eventLoop.scheduleTask(in: TimeAmount(pause)) {
            let (handler, context) = bound.value
            handler.look(context)
        }
    }

    /// Closes the connection of a client that is idle or stalled.
    private func look(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let now = NIODeadline.now()
        memory.frameBuffers.trim(now)
        let stall = TimeAmount(options.stallTimeout)
        if let frameBegun, now - frameBegun > stall + .seconds(Int64(cutter.heldBytes >> 20)), !isReadHeld {
            return close(context, reason: "the rest of a request did not come in time")
        }
        let buffered = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if buffered != lastBuffered { (lastBuffered, lastSent) = (buffered, now) }
        if writesInFlight > 0, now - lastSent > stall {
            return close(context, reason: "the client did not read its answers in time")
        }
        if now - lastAsked > TimeAmount(options.idleTimeout), connection.isIdle, writesInFlight == 0 {
            logger.debug("an idle connection was closed", metadata: metadata("it sent no request for a long time"))
            return context.close(promise: nil)
        }
        scheduleWatch(context)
    }
}

/// The handler of a connection, with the context that it needs.
private final class SocketEnd: ConnectionEnd {
    private let handler: ConnectionHandler
    private let context: ChannelHandlerContext

    init(handler: ConnectionHandler, context: ChannelHandlerContext) {
        (self.handler, self.context) = (handler, context)
    }

    func pump() { handler.pump(context) }
    func close(_ reason: String) { handler.close(context, reason: reason) }
    func stop() { handler.stop(context) }
    func hasRoom() { handler.hasRoom(context) }
}
