# frozen_string_literal: true

# Runs a function's handler for the events that the Runtime API hands out.

require "json"
require "logger"
require "net/http"
require "stringio"

$stdout.sync = true

# The handler is called on the main object, whose names belong to the function: all of the runtime's own are in here.
module LambdaRuntime
  API = "/2018-06-01/runtime"
  LEVELS = { "TRACE" => "DEBUG" }.freeze
  # Of these the kind is told as it is; of the function's own only that it was one.
  TOLD = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze
  FRAMES_MAX = 100

  class << self
    attr_accessor :request_id

    def json_logs? = ENV["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
  end

  def self.text(value) = value.to_s.encode("UTF-8", invalid: :replace, undef: :replace)

  # The Runtime API, by one connection that lives as long as this process.
  class Server
    def initialize
      host, port = ENV.fetch("AWS_LAMBDA_RUNTIME_API").split(":")
      @http = Net::HTTP.new(host, port || 80, nil)
      # The next event may be long in coming.
      @http.read_timeout = nil
      @http.keep_alive_timeout = 1 << 30
      @http.start
    end

    def next = @http.get("#{API}/invocation/next")

    def tell(path, body, headers)
      @http.post(API + path, body, headers)
    end

    def fail(path, problem)
      kind = problem.told || "Function<UserException>"
      headers = { "Content-Type" => "application/json", "Lambda-Runtime-Function-Error-Type" => kind }
      tell(path, JSON.generate(problem.to_h), headers)
    end
  end

  # What went wrong, as invokers and logs are told.
  class Problem
    def initialize(error, place)
      @error = error
      @kind = "#{place}<#{error.class}>"
      @trace = (error.backtrace || []).take_while { |line| !line.start_with?(__FILE__) }.first(FRAMES_MAX)
    end

    # Its kind, where that is one of Ruby's own.
    def told = (@kind if TOLD.include?(@error.class.to_s))

    def to_h
      message, trace = LambdaRuntime.text(@error.message), @trace.map { |line| LambdaRuntime.text(line) }
      { errorMessage: message, errorType: @kind, stackTrace: trace }
    end

    def log(message)
      if LambdaRuntime.json_logs?
        stamp = Time.now.utc.strftime("%Y-%m-%dT%H:%M:%S.%LZ")
        line = { timestamp: stamp, level: "ERROR", message:, requestId: LambdaRuntime.request_id, **to_h }
        $stdout.puts(JSON.generate(line.compact))
      else
        $stdout.puts("#{message}: #{JSON.generate(to_h)}")
      end
    end
  end

  # What a handler may ask about the invocation.
  class Context
    attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
                :memory_limit_in_mb, :function_version, :deadline_ms, :identity, :client_context

    def initialize(answer)
      @aws_request_id = answer["Lambda-Runtime-Aws-Request-Id"]
      @invoked_function_arn = answer["Lambda-Runtime-Invoked-Function-Arn"]
      @deadline_ms = answer["Lambda-Runtime-Deadline-Ms"].to_i
      given = answer["Lambda-Runtime-Client-Context"]
      @client_context = JSON.parse(given) if given
      given = answer["Lambda-Runtime-Cognito-Identity"]
      @identity = JSON.parse(given) if given
      @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
      @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
      @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
      @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
      @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    end

    def get_remaining_time_in_millis = [@deadline_ms - (Time.now.to_f * 1000).to_i, 0].max
  end

  # Lines of Ruby's own logger, as Lambda writes them.
  module Lines
    def call(severity, time, name, message)
      return record(severity, time, name, message) if LambdaRuntime.json_logs?

      stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%6N")
      line = format("%s, [%s #%d] %5s %s -- %s: ", severity[0], stamp, Process.pid, severity, LambdaRuntime.request_id, name)
      "#{LambdaRuntime.text(line + msg2str(message))}\n"
    end

    private

    def record(severity, time, name, message)
      is_error = message.is_a?(Exception)
      line = { timestamp: time.utc.strftime("%Y-%m-%dT%H:%M:%S.%6NZ"), level: severity }
      line[:message] = LambdaRuntime.text(is_error ? message.message : msg2str(message))
      line.merge!(requestId: LambdaRuntime.request_id, logger: name && LambdaRuntime.text(name))
      if is_error
        trace = (message.backtrace || []).map { |frame| LambdaRuntime.text(frame) }
        line.merge!(errorType: message.class.to_s, errorMessage: line[:message], stackTrace: trace)
      end
      "#{JSON.generate(line.compact)}\n"
    end
  end

  # A logger begins at the level that the function's configuration names.
  module Level
    def initialize(*words, **options)
      super
      least = ENV["AWS_LAMBDA_LOG_LEVEL"]
      self.level = LEVELS.fetch(least, least) if LambdaRuntime.json_logs? && least && !options.key?(:level)
    end
  end

  # `file.method`, or `file.Module::Class.method`.
  class Handler
    def initialize(name)
      parts = name.split(".")
      unless [2, 3].include?(parts.size)
        raise ArgumentError, "Invalid handler #{name}: it has the form FILE.METHOD or FILE.CLASS.METHOD"
      end

      @file, *@owner, @method = parts
    end

    def load = require(@file)

    def call(main, event, context)
      receiver = @owner.empty? ? main : Object.const_get(@owner.first)
      receiver.__send__(@method, event:, context:)
    end
  end

  # What is sent for what a handler gave: a stream as it is, all else in JSON.
  def self.answer(result)
    case result
    when StringIO, IO then [result.read, "application/unknown"]
    else [result.to_json, "application/json"]
    end
  end

  # Handles one event. An error that is not the function's ordinary kind ends this process.
  def self.handle(server, handler, main, arrived)
    self.request_id = arrived["Lambda-Runtime-Aws-Request-Id"]
    trace = arrived["Lambda-Runtime-Trace-Id"]
    ENV["_X_AMZN_TRACE_ID"] = trace if trace
    path = "/invocation/#{request_id}"
    begin
      result = handler.call(main, JSON.parse(arrived.body), Context.new(arrived))
      body, kind = answer(result)
    rescue Exception => error # rubocop:disable Lint/RescueException
      is_ordinary = error.is_a?(StandardError) && !error.is_a?(NameError)
      problem = Problem.new(error, "Function")
      problem.log(is_ordinary ? "Error raised from handler method" : "Critical exception from handler")
      server.fail("#{path}/error", problem)
      exit!(255) unless is_ordinary
    else
      server.tell("#{path}/response", body, { "Content-Type" => kind })
    end
  end

  def self.run(main)
    Logger::Formatter.prepend(Lines)
    Logger.prepend(Level)
    server = Server.new
    begin
      $LOAD_PATH.unshift(ENV.fetch("LAMBDA_TASK_ROOT"))
      handler = Handler.new(ENV.fetch("_HANDLER"))
      handler.load
    rescue Exception => error # rubocop:disable Lint/RescueException
      problem = Problem.new(error, "Init")
      problem.log("Init error when loading handler #{ENV.fetch("_HANDLER")}")
      server.fail("/init/error", problem)
      exit!(252)
    end
    loop { handle(server, handler, main, server.next) }
  end
end

LambdaRuntime.run(self)
